"""Promises in seconds hold at every rate, constant or not. Where memory forbids it, the result says so."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import redactor
from redactor.faces.analysis import Analysis
from redactor.options import Options
from redactor.video.source import Source


@pytest.mark.parametrize("rate", [10, 25, 60, 240])
def test_the_look_ahead_is_the_same_time_at_every_rate(
    rate: int, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    clip = make_clip(walk(6, 160, 120), recipe(rate=rate, time_base=Fraction(1, rate * 100), audio=()))
    with Source(clip) as source:
        assert Analysis(source.facts, Options()).look_ahead == pytest.approx(1.5 * rate, rel=0.05)


def test_a_pause_does_not_shorten_what_is_covered_around_it(walk: Any, recipe: Any, make_clip: Any) -> None:
    """The average rate of a video with a hole of ten seconds is a fifth of the rate at which it runs."""
    times = [512 * (index + (250 if index >= 30 else 0)) for index in range(60)]
    clip = make_clip(walk(60, 160, 120), recipe(times=times, audio=()))
    with Source(clip) as source:
        assert float(source.facts.rate) < 6
        assert Analysis(source.facts, Options()).look_ahead == pytest.approx(1.5 * 25, rel=0.05)


def test_what_memory_forbids_is_said(walk: Any, recipe: Any, make_clip: Any, tmp_path: Path) -> None:
    clip = make_clip(walk(2, 3840, 2160), recipe(rate=60, time_base=Fraction(1, 600), audio=()))
    result = redactor.redact(clip, tmp_path / "out.mp4")
    (said,) = result.doubts.warnings
    assert said == "gaps of up to 0.25 s are covered, not of 1.5 s: more frames of 3840x2160 take too much memory"
