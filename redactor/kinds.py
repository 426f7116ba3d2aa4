"""Kinds of files by their names."""

from pathlib import Path
from typing import Final

VIDEOS: Final = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob",
    ".flv", ".ogg", ".ogv", ".mxf",
})  # fmt: skip
STILLS: Final = (".jpeg", ".jpg", ".png")


def is_still(path: Path) -> bool:
    """Return True if the name is a still picture's."""
    return path.suffix.lower() in STILLS


def is_media(path: Path) -> bool:
    """Return True if the name is a video's or a still picture's."""
    return is_still(path) or path.suffix.lower() in VIDEOS
