"""Videos that are too large for the memory that is allowed."""

from pathlib import Path

import pytest

import redactor
from redactor.video.memory_need import LIMIT, needed_bytes

FRAME_BYTES = 320 * 240 * 3 // 2


@pytest.mark.parametrize("work", ["redact", "analyze"])
def test_a_video_that_needs_more_memory_than_allowed_is_refused_before_it_is_decoded(
    walking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    monkeypatch.setenv(LIMIT, str(needed_bytes(FRAME_BYTES) - 1))
    begun: list[object] = []
    with pytest.raises(redactor.ContentUnsupported, match=r"320x240 needs about 0\.5 GB of memory, allowed: 0\.5 GB"):
        if work == "redact":
            redactor.redact(walking_clip, tmp_path / "out.mp4", on_progress=begun.append)
        else:
            redactor.analyze(walking_clip, tmp_path, on_progress=begun.append)
    assert (list(tmp_path.iterdir()), begun) == ([], [])


def test_a_video_that_needs_as_much_memory_as_allowed_is_redacted(
    walking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, str(needed_bytes(FRAME_BYTES)))
    redactor.redact(walking_clip, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(("width", "height", "gigabytes"), [(1920, 1080, 0.75), (3840, 2160, 1.58), (8192, 4320, 4.0)])
def test_the_need_is_what_was_measured(width: int, height: int, gigabytes: float) -> None:
    assert needed_bytes(width * height * 3 // 2) / 1e9 == pytest.approx(gigabytes, rel=0.03)
