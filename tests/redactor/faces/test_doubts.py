"""Faces that may be bare or were found by luck are listed with reason, time and place."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from skimage import data

import redactor
from redactor import Doubts, Options, Reason
from redactor.faces import doubts as limits
from redactor.faces.doubts import DoubtCollector
from redactor.faces.evidence import Candidate
from redactor.faces.track import Refusal
from redactor.faces.tracking import Region, Spans, Tracker
from redactor.geometry import Box
from redactor.video.source import Source
from tests.redactor.faces.scripted_look import ScriptedLook

WIDTH, HEIGHT, RATE = 640, 360, 25
MIDDLE = Box(300, 150, 340, 200)
GREY = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
FACE = Box(168, 62, 280, 208)  # forehead to chin in the 512x512 astronaut


@pytest.fixture
def collector(walk: Any, make_clip: Any, recipe: Any) -> DoubtCollector:
    with Source(make_clip(walk(1, WIDTH, HEIGHT), recipe(audio=()))) as source:
        return DoubtCollector(source.facts)


def watched(
    collector: DoubtCollector, frames: Sequence[Sequence[Region]], pixels: NDArray[np.uint8] = GREY, cut: int = 10**6
) -> Doubts:
    """Return the doubts about a still picture with one list of regions for each frame. `cut` is a new scene."""
    frame = VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
    for index, regions in enumerate(frames):
        collector.see(index, index / RATE, int(index >= cut), frame, regions)
    return collector.finish()


def covered(box: Box, *, seen: bool = True, since: int = 0) -> list[Region]:
    return [Region(7, box, seen=seen, since=since)]


def reasons(doubts: Doubts) -> list[Reason]:
    return [place.reason for place in doubts.places]


def test_a_face_that_is_lost_in_the_open_is_doubtful_from_its_last_sighting_on(collector: DoubtCollector) -> None:
    tail = [covered(MIDDLE, seen=False)] * 5
    doubts = watched(collector, [covered(MIDDLE)] * 50 + tail + [[]] * 5)
    (place,) = [place for place in doubts.places if place.reason is Reason.ENDED]
    assert (place.first_frame, place.last_frame, place.track) == (49, 55, 7)
    assert (place.start, place.end) == pytest.approx((49 / RATE, 55 / RATE))
    assert place.place.box.stretched(WIDTH, HEIGHT).overlap(MIDDLE) > 0.99
    assert place.score > 0.6


@pytest.mark.parametrize(
    ("last", "after", "cut"),
    [
        (MIDDLE.moved(-300, 0), [], 10**6),  # leaves the picture
        (MIDDLE, [], 20),  # a new scene
        (MIDDLE, [Region(8, MIDDLE, seen=True, since=20)], 10**6),  # another track continues
    ],
)
def test_a_face_that_leaves_or_goes_on_is_not_lost(
    last: Box, after: list[Region], cut: int, collector: DoubtCollector
) -> None:
    doubts = watched(collector, [covered(last)] * 20 + [after] * 5, cut=cut)
    assert Reason.ENDED not in reasons(doubts)


def test_a_face_that_is_lost_at_the_seam_of_a_360_degree_picture_is_lost_in_the_open(
    walk: Any, make_clip: Any, recipe: Any
) -> None:
    with Source(make_clip(walk(1, WIDTH, HEIGHT), recipe(audio=()))) as source:
        ends, continues = DoubtCollector(source.facts), DoubtCollector(source.facts, seam=True)
    frames = [*[covered(Box(0, 150, 40, 200))] * 50, *[[]] * 5]
    assert Reason.ENDED not in reasons(watched(ends, frames))
    assert Reason.ENDED in reasons(watched(continues, frames))


def test_a_face_that_was_confirmed_late_is_doubtful_before(collector: DoubtCollector) -> None:
    doubts = watched(collector, [[]] * 40 + [covered(MIDDLE, since=2)] * 10)
    (place,) = [place for place in doubts.places if place.reason is Reason.LATE]
    assert (place.first_frame, place.last_frame) == (2, 40)
    assert place.start == pytest.approx(2 / RATE)


@pytest.mark.parametrize(("height", "small"), [(12, True), (23, True), (26, False)])
def test_a_small_face_is_doubtful_the_more_so_the_smaller_it_is(
    height: int, small: bool, collector: DoubtCollector
) -> None:
    doubts = watched(collector, [covered(Box(300, 150, 300 + 0.8 * height, 150 + height))] * 5)
    places = [place for place in doubts.places if place.reason is Reason.SMALL]
    assert bool(places) is small
    assert all(place.score == pytest.approx((24 - height) / 16) for place in places)


@pytest.mark.parametrize(("shade", "dark"), [(20, True), (120, False)])
def test_a_dark_face_is_doubtful(shade: int, dark: bool, collector: DoubtCollector) -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
    doubts = watched(collector, [covered(MIDDLE)] * 5, pixels)
    assert (Reason.DARK in reasons(doubts)) is dark


@pytest.mark.parametrize(("turned", "quarters"), [(False, 0), (False, 1), (True, 0)])
def test_a_face_is_doubtful_that_shows_no_front_which_way_up_it_may_be(
    turned: bool, quarters: int, collector: DoubtCollector
) -> None:
    astronaut = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    small = np.rot90(cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA), quarters)
    pixels = GREY.copy()
    pixels[20:340, 100:420] = small
    shares = FACE.stretched(1 / 512, 1 / 512).turned(quarters)
    box = shares.stretched(320, 320).moved(100, 20)
    if turned:  # only hair is visible
        pixels[int(box.top) : int(box.bottom), int(box.left) : int(box.right)] = (90, 60, 40)
    doubts = watched(collector, [covered(box)] * 60, pixels)
    assert (Reason.TURNED in reasons(doubts)) is turned


def test_a_narrow_refusal_is_doubtful_and_warns_where_nothing_was_found(collector: DoubtCollector) -> None:
    for index in range(10):
        watched_frame = VideoFrame.from_ndarray(GREY, "rgb24").reformat(format="yuv420p")
        collector.see(index, index / RATE, 0, watched_frame, [])
    collector.refuse(Refusal((3, 8), 5, MIDDLE, 0.8))
    doubts = collector.finish()
    (place,) = doubts.places
    assert (place.reason, place.score, place.track) == (Reason.REFUSED, 0.8, None)
    assert (place.first_frame, place.last_frame, place.place.frame) == (3, 8, 5)
    assert place.place.time == pytest.approx(5 / RATE)
    assert doubts.warnings == ("no face was found, but 1 candidate was refused narrowly; look at the doubtful places",)


def test_a_tracker_reports_narrow_refusals_and_first_sightings() -> None:
    tracker = Tracker(Spans(10, 2, 2, 10), float, WIDTH, HEIGHT)
    box = Box(100, 100, 140, 150)
    for frame, heat in enumerate((0.1, 0.1, 0.9)):
        tracker.feed(frame, 0, ScriptedLook([Candidate(MIDDLE, 0.7, heat), Candidate(box, 0.3, 0.3)], agrees=False))
    for frame in range(3):
        tracker.regions(frame, 0)
    assert tracker.refusals() == []
    (seen,) = tracker.regions(3, 0)
    assert seen.since == 0
    for frame in range(4, 30):
        tracker.regions(frame, 0)
    (refusal,) = tracker.refusals()
    assert (refusal.span, refusal.box) == ((0, 2), box)
    assert 0.5 < refusal.closeness < 1
    assert tracker.refusals() == []


def test_the_list_is_bounded_and_keeps_what_is_most_doubtful(
    collector: DoubtCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_LISTED", 5)
    for number in range(20):
        collector.refuse(Refusal((number, number), number, MIDDLE, number / 20))
    doubts = collector.finish()
    assert doubts.count == 20
    assert sorted(place.score for place in doubts.places) == pytest.approx(
        [15 / 20, 16 / 20, 17 / 20, 18 / 20, 19 / 20]
    )


def test_a_dark_video_without_a_face_is_a_warning_and_no_silent_success(
    make_clip: Any, recipe: Any, scene: Any, tmp_path: Path
) -> None:
    night = np.full((120, 160, 3), 12, np.uint8)
    clip = make_clip([scene(night, None)] * 10, recipe(audio=()))
    result = redactor.redact(clip, tmp_path / "out.mp4")
    (warning,) = result.doubts.warnings
    assert warning.startswith("no face was found, and 10 of 10 frames are so dark")
    command = [sys.executable, "-m", "redactor", "redact", str(clip), str(tmp_path / "out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "warning: no face was found, and 10 of 10 frames" in done.stderr


def test_doubtful_places_are_in_the_result_and_in_files_for_a_review(
    make_clip: Any, recipe: Any, scene: Any, tmp_path: Path
) -> None:
    astronaut = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    pixels = np.full((360, 640, 3), 100, np.uint8)
    pixels[40:340, 170:470] = cv2.resize(astronaut, (300, 300), interpolation=cv2.INTER_AREA)
    empty = np.full_like(pixels, 100)
    scenes = [scene(pixels, None)] * 20 + [
        scene((pixels * s + empty * (1 - s)).astype(np.uint8), None) for s in (0.6, 0.3)
    ]
    clip = make_clip(scenes + [scene(empty, None)] * 30, recipe(audio=()))
    chosen = tmp_path / "doubtful.json"
    result = redactor.redact(clip, tmp_path / "out.mp4", Options(doubtful=chosen))
    assert Reason.ENDED in reasons(result.doubts)
    redactor.analyze(clip, tmp_path)
    for file in (chosen, tmp_path / "clip_doubtful.json"):
        written = json.loads(file.read_text())
        assert (written["version"], written["width"], written["height"]) == (1, 640, 360)
        assert written["count"] == result.doubts.count == len(written["places"])
        place = next(place for place in written["places"] if place["reason"] == "ended")
        assert set(place) == {
            *("reason", "score", "firstFrame", "lastFrame", "start", "end", "frame", "time"),
            *("x", "y", "width", "height", "track"),
        }
        assert 0 < place["score"] <= 1
        assert 0.3 < place["x"] < 0.7
