"""Checks of the given videos, before anything starts."""

import glob
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import, and a wrong file name should be reported at once
    from local.graph.program import Stack


RESULT = "_redacted"  # end of a result's stem


class UsageError(Exception):
    """A wrong argument. The message is one line that names it, its value and what is allowed."""


def expanded(typed: Sequence[Path], stack: "Stack") -> list[Path]:
    """Return the files that are meant: those of folders and of patterns such as `clips/*.mp4`, by name, and others.

    Folders count for the stack's endings. Results of earlier runs in folders and patterns are left out. Raises
    UsageError for a folder or a pattern without a video.
    """
    videos: list[Path] = []
    for path in typed:
        if path.is_dir():
            found = [file for file in path.iterdir() if file.name.lower().endswith(tuple(_endings(stack)))]
        elif not path.exists() and glob.has_magic(str(path)):
            found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207  absolute ones too
        else:
            videos.append(path)
            continue
        files = sorted(file for file in found if file.is_file() and not file.stem.lower().endswith(RESULT))
        if not files:
            raise UsageError(f"{path} has no video in it; allowed: a video file, a folder of them, or a pattern")
        videos += files
    return videos


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
        if video.stem.lower().endswith(RESULT):
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
