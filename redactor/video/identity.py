"""Identifies a video file without decoding it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av

from redactor.documents import Reader
from redactor.video.facts import exact
from redactor.video.restarts import RECORDED
from redactor.video.source import FORMATS

PICTURES: Final = 10  # number of pictures in the hash


@dataclass(frozen=True, slots=True)
class VideoIdentity:
    """A file's name, size in bytes, rate, duration in seconds, and a hash.

    `pictures` is the SHA-256 of the first coded pictures. It does not change if the file is renamed or its metadata
    edited. `duration` is None if the container states no reliable one.
    """

    file: str
    size: int
    rate: float
    duration: float | None
    pictures: str


def identity(path: Path) -> VideoIdentity:
    """Identify the file at `path`. Raise av.FFmpegError if FFmpeg cannot read it."""
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    digest = hashlib.sha256()
    with av.open(f"file:{path.absolute()}", container_options=options) as container:
        video = container.streams.best("video")
        rate = 0.0
        if isinstance(video, av.VideoStream):
            rate = float(exact(video.average_rate) or exact(video.guessed_rate))
            left = PICTURES
            for packet in container.demux(video):
                digest.update(memoryview(packet) if packet.size else b"")
                left -= bool(packet.size)
                if not left:
                    break
        known = container.duration is not None and container.format.name not in RECORDED
        duration = round((container.duration or 0) / av.time_base, 3) if known else None
    return VideoIdentity(path.name, path.stat().st_size, round(rate, 3), duration, digest.hexdigest())


def read_identity(reader: Reader, value: Any) -> VideoIdentity:
    """Parse a document's `video`."""
    holder = reader.mapping(value, "video")
    return VideoIdentity(
        file=str(holder.get("file", "")),
        size=reader.whole(holder, "size", "video"),
        rate=reader.number(holder, "rate", "video"),
        duration=None if holder.get("duration") is None else reader.number(holder, "duration", "video"),
        pictures=str(holder.get("pictures", "")),
    )
