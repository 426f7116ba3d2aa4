"""The frames that a track covers, for given detections."""

from collections.abc import Mapping, Sequence

import pytest

from redactor.faces.analysis import EDGE_SECONDS, LOOK_AHEAD_SECONDS
from redactor.faces.evidence import Candidate
from redactor.faces.frame_clock import MOST_RATE, FrameClock
from redactor.faces.tracking import MOST_CLOSER, PATIENCE, Region, Spans, Tracker
from redactor.geometry import Box
from tests.redactor.faces.scripted_look import ScriptedLook

SPANS = Spans(gap=30, extension=4, edge=20, held=30)  # a frame lasts a second
SURE, STRONG, WEAK = 0.9, 0.7, 0.35


def at(x: float, y: float = 100.0, size: float = 40.0) -> Box:
    return Box(x, y, x + size, y + size)


def track(
    detections: Mapping[int, Sequence[tuple[Box, float]]],
    frames: int,
    *,
    cuts: Sequence[int] = (),
    closer: bool = True,
    step: int = 1,
) -> list[list[Region]]:
    """Return the regions of each frame. The detector looked at every `step`-th frame."""
    tracker = Tracker(SPANS, float, 640, 360)
    for frame in range(0, frames, step):
        found = [Candidate(box, score) for box, score in detections.get(frame, ())]
        tracker.feed(frame, sum(cut <= frame for cut in cuts), ScriptedLook(found, closer))
    return [tracker.regions(frame, sum(cut <= frame for cut in cuts)) for frame in range(frames)]


def covered(regions: list[list[Region]]) -> list[int]:
    return [frame for frame, found in enumerate(regions) if found]


def test_a_weak_detection_alone_covers_nothing() -> None:
    assert covered(track({10: [(at(100), WEAK)], 11: [(at(101), WEAK)]}, 30, closer=False)) == []


def test_weak_detections_lengthen_a_track_in_both_directions() -> None:
    faces = {frame: [(at(100), SURE if frame == 30 else WEAK)] for frame in range(20, 41)}
    assert set(range(20, 41)) <= set(covered(track(faces, 60)))


def test_a_weak_detection_lengthens_a_track_only_where_its_area_costs_little() -> None:
    """A large false candidate before a face would let the mask shrink onto the face from far away."""

    def lengthens(size: float) -> bool:
        return 10 in covered(track({10: [(at(100, size=size), 0.25)], 20: [(at(110, size=size), SURE)]}, 30))

    assert lengthens(30)
    assert not lengthens(160)


@pytest.mark.parametrize("rate", [25, 60])
@pytest.mark.parametrize("speed", [40, 100])
def test_a_face_that_leaves_slowly_is_covered_until_it_has_left(rate: int, speed: int) -> None:
    """`speed` is in pixels a second. The face is not detected from when half of it is outside."""
    size, width = 100, 1000
    clock = FrameClock(rate)
    spans = Spans(clock.within(1.5), clock.within(0.2), clock.within(EDGE_SECONDS), held=10**6)
    tracker = Tracker(spans, clock, width, width)

    def left(frame: int) -> float:
        return width - 1.2 * size + speed * frame / rate

    frames = range(int(rate * 1.2 * size / speed))
    for frame in frames:
        clock.add(frame, frame / rate)
        if frame % round(rate / 9) == 0:
            box = Box(left(frame), 400, min(width, left(frame) + size), 500)
            tracker.feed(frame, 0, ScriptedLook([Candidate(box, SURE)] if box.width >= size / 2 else []))
    passed = [frame for frame in frames if not tracker.regions(frame, 0)]
    # Almost nothing is visible of it when the longest extension ends.
    assert all(width - left(frame) < 0.1 * size for frame in passed)


def test_a_small_video_of_a_thousand_frames_a_second_remembers_the_times_of_all_tracks() -> None:
    clock = FrameClock(MOST_RATE)
    spans = Spans(clock.within(LOOK_AHEAD_SECONDS), clock.within(0.2), clock.within(EDGE_SECONDS), held=10**6)
    tracker = Tracker(spans, clock, 320, 240)
    frames = int(MOST_RATE * (LOOK_AHEAD_SECONDS + EDGE_SECONDS + 0.5))
    shown = 0
    for frame in range(frames):
        clock.add(frame, frame / MOST_RATE)
        if frame == 0:
            tracker.feed(0, 0, ScriptedLook([Candidate(at(100), SURE)]))
        if clock(frame) - clock(shown) > LOOK_AHEAD_SECONDS:
            assert bool(tracker.regions(shown, 0)) == (clock(shown) <= clock.within(0.2))
            shown += 1


def test_weak_detections_that_last_start_a_track() -> None:
    assert set(range(20, 50)) <= set(covered(track({f: [(at(100), 0.5)] for f in range(20, 50)}, 70)))


@pytest.mark.parametrize("score", [0.4, STRONG, SURE])
def test_a_detection_that_would_spoil_the_picture_counts_only_if_a_closer_look_agrees(score: float) -> None:
    assert covered(track({10: [(at(100), score)]}, 30, closer=True))
    assert not covered(track({10: [(at(100), score)]}, 30, closer=False))


def test_a_small_clear_detection_is_covered_without_a_closer_look() -> None:
    assert covered(track({10: [(at(100, size=20), 0.8)]}, 30, closer=False))
    assert not covered(track({10: [(at(100, size=20), 0.5)]}, 30, closer=False))


def test_a_doubtful_candidate_that_two_networks_saw_is_covered_if_it_is_small() -> None:
    """A needless mask of 14 pixels is hardly visible. One over a tenth of the picture spoils it."""

    def covers(size: float) -> bool:
        tracker = Tracker(SPANS, float, 640, 360)
        tracker.feed(0, 0, ScriptedLook([Candidate(at(100, size=size), 0.4, 0.35)], agrees=False))
        return bool(tracker.regions(0, 0))

    assert covers(14)
    assert not covers(150)


def test_a_face_that_a_look_missed_is_looked_for_where_it_is_expected() -> None:
    tracker = Tracker(SPANS, float, 640, 360)
    for frame in range(6):
        tracker.feed(frame, 0, ScriptedLook([Candidate(at(100 + 10 * frame), SURE)]))
    missed = ScriptedLook([], followed=at(161))
    tracker.feed(6, 0, missed)
    assert [round(box.left) for box in missed.sought] == [160]
    (region,) = tracker.regions(6, 0)
    assert region.seen


def test_a_face_that_is_gone_is_not_looked_for_for_ever() -> None:
    tracker = Tracker(SPANS, float, 640, 360)
    tracker.feed(0, 0, ScriptedLook([Candidate(at(100), SURE)]))
    looks = [ScriptedLook([]) for _ in range(10)]
    for frame, look in enumerate(looks, start=1):
        tracker.feed(frame, 0, look)
    assert sum(bool(look.sought) for look in looks) == PATIENCE


@pytest.mark.parametrize("hole", [1, 2, 7, 25])
def test_a_hole_between_two_detections_is_filled(hole: int) -> None:
    faces = {10: [(at(100), SURE)], 11 + hole: [(at(110), SURE)]}
    regions = track(faces, 60)
    assert set(range(10, 12 + hole)) <= set(covered(regions))
    middle = regions[10 + (hole + 1) // 2][0]
    assert not middle.seen
    assert 98 <= middle.box.centre[0] - 20 <= 112


def test_frames_between_detections_are_interpolated() -> None:
    regions = track({frame: [(at(100 + 5 * frame), SURE)] for frame in range(0, 30, 2)}, 29, step=2)
    assert regions[11][0].box.centre[0] == pytest.approx(120 + 5 * 11)


def test_no_frame_between_two_covered_ones_leaks() -> None:
    """A detector that misses frames at random (seeded) leaves no frame between two covered ones uncovered."""
    seen = [frame for frame in range(100) if frame * 7919 % 5 < 2]
    shown = covered(track({frame: [(at(50 + 2 * frame), SURE)] for frame in seen}, 100))
    assert set(range(seen[0], seen[-1] + 1)) <= set(shown)


def test_heads_and_tails_are_extended() -> None:
    shown = covered(track({frame: [(at(300), SURE)] for frame in range(20, 30)}, 60))
    assert shown == list(range(16, 34))


def test_a_face_at_the_frames_edge_is_extended_for_longer() -> None:
    shown = covered(track({frame: [(at(0), SURE)] for frame in range(20, 30)}, 60))
    assert shown == list(range(12, 38))


def test_a_face_that_moves_over_an_edge_is_covered_until_it_is_out() -> None:
    shown = covered(track({frame: [(at(600 + frame), SURE)] for frame in range(20)}, 60))
    assert shown == list(range(40))  # its left edge is out at frame 40


def test_a_face_that_leaves_over_an_edge_and_comes_back_is_covered_in_between() -> None:
    leaving = {frame: [(at(500 + 20 * frame), SURE)] for frame in range(6)}
    back = {frame: [(at(600 - 10 * (frame - 24)), SURE)] for frame in range(24, 30)}
    regions = track(leaving | back, 40)
    assert set(range(30)) <= set(covered(regions))
    assert {region.track for found in regions for region in found} == {1}


def test_a_cut_ends_heads_tails_and_holes() -> None:
    faces = {frame: [(at(100), SURE)] for frame in range(10, 20)} | {
        frame: [(at(400), SURE)] for frame in range(20, 30)
    }
    regions = track(faces, 40, cuts=[20])
    for frame, found in enumerate(regions):
        for region in found:
            assert (region.box.left < 250) == (frame < 20)
    assert len({region.track for found in regions for region in found}) == 2


def test_a_face_in_the_same_place_across_a_flash_stays_one_track() -> None:
    regions = track({frame: [(at(100), SURE)] for frame in range(30)}, 30, cuts=[15, 16])
    assert {region.track for found in regions for region in found} == {1}
    assert covered(regions) == list(range(30))


def test_two_faces_that_pass_stay_two_tracks() -> None:
    faces = {f: [(at(100 + 4 * f), SURE), (at(300 - 4 * f, 170), SURE)] for f in range(50)}
    regions = track(faces, 50)
    assert {len(found) for found in regions} == {2}
    assert {region.track for found in regions for region in found} == {1, 2}


def test_a_fast_face_stays_one_track() -> None:
    regions = track({f: [(at(20 + 25 * f), SURE)] for f in range(20)}, 20)
    assert {region.track for found in regions for region in found} == {1}


def test_tracks_long_gone_are_forgotten() -> None:
    tracker = Tracker(SPANS, float, 640, 360)
    for frame in range(2000):
        tracker.feed(frame, 0, ScriptedLook([Candidate(at(frame % 7 * 90), SURE)]))
        if frame >= 30:
            tracker.regions(frame - 30, 0)
    assert len(tracker._tracks) < 20
    assert sum(len(one.sightings) for one in tracker._tracks) < 400


def test_noise_that_is_looked_at_more_often_is_not_more_of_a_face() -> None:
    def lasts(interval: float, frames: int) -> bool:
        tracker = Tracker(SPANS, float, 640, 360, interval)
        for frame in range(frames):
            tracker.feed(frame, 0, ScriptedLook([Candidate(at(100), 0.4)], agrees=False))
        return bool(tracker.regions(frames - 1, 0))

    assert lasts(0.12, 13) and not lasts(0.12, 11)
    assert lasts(0.04, 37) and not lasts(0.04, 35)


def test_a_closer_look_is_taken_again_where_it_may_see_more_and_not_each_time() -> None:
    tracker = Tracker(SPANS, float, 640, 360)
    looks = [ScriptedLook([Candidate(at(100), 0.51 if frame < 5 else 0.62)], agrees=False) for frame in range(24)]
    for frame, look in enumerate(looks):
        tracker.feed(frame, 0, look)
    assert [frame for frame, look in enumerate(looks) if look.closer_looks] == [0, 5]


def test_closer_looks_at_a_crowd_of_doubtful_places_are_bounded() -> None:
    tracker = Tracker(SPANS, float, 1920, 1080)
    look = ScriptedLook([Candidate(at(60 * number, size=30), 0.5) for number in range(30)], agrees=False)
    tracker.feed(0, 0, look)
    assert len(look.closer_looks) == MOST_CLOSER


def test_a_face_that_jumps_between_two_looks_is_noticed() -> None:
    tracker = Tracker(SPANS, float, 1280, 720)
    tracker.feed(0, 0, ScriptedLook([Candidate(at(300, size=100), SURE)]))
    assert not tracker.broken(3, 0, [Candidate(at(320, size=100), SURE)])
    assert tracker.broken(3, 0, [Candidate(at(520, size=100), SURE)])


def test_a_box_that_is_not_sure_does_not_pull_the_region_off_the_face() -> None:
    faces = {frame: [(at(100), SURE)] for frame in range(10)} | {5: [(at(110), WEAK)]}
    box = track(faces, 12)[5][0].box
    assert (box.left, box.right) == (100, 150)


def test_what_an_edge_hides_of_a_face_in_the_end_does_not_bare_the_rest() -> None:
    """Behind a pillar, for example, the detector's last box covers only the visible part."""
    faces = {frame: [(at(100), SURE)] for frame in range(20)} | {20: [(at(105, 105, 30), WEAK)]}
    regions = track(faces, 26)
    assert [round(regions[frame][0].box.width) for frame in (19, 20, 22)] == [40, 39, 40]
    assert covered(regions)[-1] == 24
