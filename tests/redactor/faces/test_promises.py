"""Promises in seconds hold at every rate, constant or not. Where memory forbids it, the result says so."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.faces.analysis import Analysis, RegionedFrame
from redactor.faces.evidence import Candidate
from redactor.faces.frame_clock import FrameClock
from redactor.faces.tracking import Spans, Tracker
from redactor.geometry import Box
from redactor.options import Options
from redactor.video.restarts import AnyPacket
from redactor.video.source import Source
from tests.redactor.faces.scripted_look import ScriptedLook

TICKS = 600  # a second
FAST_AND_SLOW = [10] * 90 + [120] * 15  # ticks between frames: 1.5 s of 60 frames a second, 3 s of 5
SPANS = Spans(gap=1.501, extension=0.201, edge=1.501, held=1000)
FACE = Box(300, 100, 340, 140)
AT_EDGE = Box(0, 100, 40, 140)


def times(steps: Sequence[int]) -> list[int]:
    return list(accumulate(steps, initial=0))[:-1]


def look_ahead(path: Path) -> tuple[float, Analysis]:
    """Analyse a file. Return the least time by which the newest frame read was ahead of one returned."""
    ahead: list[float] = []
    with Source(path) as source:
        analysis = Analysis(source.facts, Options())
        newest = [0.0]
        ended = False

        def shown(frame: VideoFrame) -> float:
            return float((frame.pts or 0) * source.facts.time_base)

        def read() -> Iterator[VideoFrame | AnyPacket]:
            nonlocal ended
            for item in source.items():
                if isinstance(item, VideoFrame):
                    newest[0] = shown(item)
                yield item
            ended = True

        for item in analysis.run(read()):
            if isinstance(item, RegionedFrame) and not ended:
                ahead.append(newest[0] - shown(item.frame))
    return min(ahead), analysis


@pytest.mark.parametrize("rate", [10, 25, 60, 240])
def test_the_look_ahead_is_the_same_time_at_every_rate(
    rate: int, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    clip = make_clip(walk(2 * rate, 64, 48), recipe(rate=rate, time_base=Fraction(1, rate * 100), audio=()))
    seconds, _ = look_ahead(clip)
    assert 1.5 <= seconds <= 1.5 + 2 / rate


def test_the_look_ahead_is_the_same_time_at_a_variable_rate(walk: Any, recipe: Any, make_clip: Any) -> None:
    steps = [*FAST_AND_SLOW, *FAST_AND_SLOW]
    kind = recipe(rate=60, time_base=Fraction(1, TICKS), times=times(steps), audio=())
    seconds, analysis = look_ahead(make_clip(walk(len(steps), 64, 48), kind))
    assert seconds >= 1.5
    assert analysis.doubts().warnings == ()


def test_a_pause_does_not_shorten_what_is_covered_around_it(walk: Any, recipe: Any, make_clip: Any) -> None:
    """A pause of ten seconds counts as a fifth of a second."""
    steps = [512] * 60
    steps[50] = 250 * 512
    clip = make_clip(walk(len(steps), 64, 48), recipe(times=times(steps), audio=()))
    seconds, _ = look_ahead(clip)
    assert seconds >= 1.5
    clock = FrameClock(25)
    for index in range(60):
        clock.add(index, index / 25 + (10 if index > 50 else 0))
    assert clock(60 - 1) - clock(0) == pytest.approx(59 / 25 + 0.2 - 1 / 25)


def test_a_face_is_looked_for_as_often_in_a_slow_stretch_of_a_video(walk: Any, recipe: Any, make_clip: Any) -> None:
    steps = FAST_AND_SLOW
    clip = make_clip(
        walk(len(steps), 320, 240), recipe(rate=60, time_base=Fraction(1, TICKS), times=times(steps), audio=())
    )
    with Source(clip) as source:
        items = [one for one in Analysis(source.facts, Options()).run(source.items()) if not isinstance(one, Packet)]
    seen = [time for time, item in zip(times(steps), items, strict=True) if any(one.seen for one in item.regions)]
    assert all(item.regions for item in items)
    assert max(later - earlier for earlier, later in pairwise(seen)) <= 0.2 * TICKS


FAST, SLOW = [1 / 60] * 200, [1 / 5] * 40


def covered(sightings: Sequence[int], steps: Sequence[float], face: Box = FACE) -> set[int]:
    """Return the frames with regions. `steps` are seconds between frames."""
    shown = list(accumulate(steps, initial=0.0))
    tracker = Tracker(SPANS, lambda frame: round(shown[frame], 6), 640, 360)
    for frame in range(len(steps)):
        tracker.feed(frame, 0, ScriptedLook([Candidate(face, 0.9)] if frame in sightings else []))
    return {frame for frame in range(len(steps)) if tracker.regions(frame, 0)}


@pytest.mark.parametrize(
    ("steps", "first", "bare", "filled"),
    [
        (FAST + SLOW, 20, 89, True),
        (FAST + SLOW, 20, 92, False),
        (FAST + SLOW, 205, 7, True),
        (FAST + SLOW, 205, 9, False),
        (FAST + SLOW, 160, 39 + 4, True),  # 0.65 s and 0.8 s
        (FAST + SLOW, 160, 39 + 6, False),
    ],
)
def test_a_gap_of_the_promised_seconds_is_filled(steps: list[float], first: int, bare: int, filled: bool) -> None:
    after = first + bare + 1
    assert (set(range(first, after)) <= covered([first, after], steps)) is filled


def test_a_track_is_extended_by_the_promised_seconds() -> None:
    assert covered([100], FAST + SLOW) == set(range(88, 113))
    assert covered([205], FAST + SLOW) == set(range(203, 208))  # two frames at least
    assert covered([195], FAST + SLOW) == {*range(183, 200), 200}


def test_a_face_at_the_edge_is_extended_by_the_promised_seconds() -> None:
    assert covered([100], FAST + SLOW, AT_EDGE) == set(range(76, 125))
    assert covered([210], FAST + SLOW, AT_EDGE) == set(range(206, 215))


def test_a_face_that_moves_over_an_edge_is_covered_for_the_promised_seconds_at_a_variable_rate() -> None:
    """It is seen last in the fast part, and would need more than the promised time to be out."""
    steps = [1 / 60] * 100 + [1 / 5] * 20
    shown = [round(time, 6) for time in accumulate(steps, initial=0.0)]
    tracker = Tracker(SPANS, shown.__getitem__, 640, 360)
    for frame in range(len(steps)):
        box = Box(600 + 10 * shown[frame], 100, 640 + 10 * shown[frame], 140)
        tracker.feed(frame, 0, ScriptedLook([Candidate(box, 0.9)] if frame < 90 else []))
    seconds = [shown[frame] for frame in range(len(steps)) if tracker.regions(frame, 0)]
    assert shown[89] + 1.3 <= max(seconds) <= shown[89] + 1.5


def test_what_memory_forbids_is_said(walk: Any, recipe: Any, make_clip: Any) -> None:
    kind = recipe(rate=60, time_base=Fraction(1, TICKS), options={"preset": "ultrafast"}, audio=())
    seconds, analysis = look_ahead(make_clip(walk(18, 3840, 2160), kind))
    assert seconds == pytest.approx(0.25)
    (said,) = analysis.doubts().warnings
    assert said == "gaps of up to 0.25 s are covered, not of 1.5 s: more frames of 3840x2160 take too much memory"


def test_a_short_video_that_fits_in_memory_is_not_warned_of(walk: Any, recipe: Any, make_clip: Any) -> None:
    kind = recipe(rate=60, time_base=Fraction(1, TICKS), options={"preset": "ultrafast"}, audio=())
    with Source(make_clip(walk(2, 3840, 2160), kind)) as source:
        analysis = Analysis(source.facts, Options())
        assert len(list(analysis.run(source.items()))) == 2
        assert analysis.doubts().warnings == ()
