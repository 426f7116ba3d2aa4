"""Checks of the given videos, before anything starts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import, and a wrong file name should be reported at once
    from local.graph.program import Stack


class UsageError(Exception):
    """A wrong argument. The message is one line that names it, its value and what is allowed."""


def check_videos(videos: Sequence[Path], stack: "Stack") -> None:
    """Raise UsageError for the first file that is not a video, or that the stack would not redact."""
    endings = _endings(stack)
    names: dict[str, Path] = {}
    for video in videos:
        _check_file(video)
        if not video.name.lower().endswith(tuple(endings)):
            raise UsageError(
                f"{video} is not among what the stack {stack.name} redacts; allowed endings: {', '.join(endings)} "
                "(face-redaction:uploadEndings)"
            )
        if video.stem.lower().endswith("_redacted"):
            raise UsageError(f"{video} is named like a result, and results are not redacted again; rename it")
        if other := names.get(video.stem.lower()):
            raise UsageError(f"{video} and {other} would both come back as {video.stem}_redacted.mp4; rename one")
        names[video.stem.lower()] = video


def _endings(stack: "Stack") -> list[str]:
    setting = stack.setting("uploadEndings")
    try:
        endings = json.loads(setting) if setting.startswith("[") else [each.strip() for each in setting.split(",")]
        return [ending.lower() for ending in endings]
    except (ValueError, TypeError, AttributeError):  # the program reports the wrong setting
        return [""]


def _check_file(video: Path) -> None:
    import av

    if not video.exists():
        raise UsageError(f"{video} does not exist; allowed: a video file")
    if not video.is_file():
        raise UsageError(f"{video} is not a file; allowed: a video file")
    try:
        with video.open("rb") as content:
            if not content.read(1):
                raise UsageError(f"{video} is empty; allowed: a video file")
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise UsageError(f"{video} has no video in it; allowed: a video file")
    except PermissionError:
        raise UsageError(f"{video} cannot be read: permission denied") from None
    except av.FFmpegError as error:
        raise UsageError(f"{video} is not a video: {error.strerror or error}") from None
