"""Reads a recording's sound once in advance. Broadcasts list streams that are empty, begin late, or change midway.

Recordings have no index with this information, and an output's streams must be known before its first packet is
written.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer

from redactor.video.restarts import RECORDED, AnyPacket

SURVEYED: Final = RECORDED | {"flv"}
ADTS_SYNC: Final = b"\xff"
ADTS_KIND: Final = (0xFE, 0xFD, 0xC0)  # masks of bytes 1 to 3: profile, sampling frequency and channels


@dataclass(slots=True)
class Heard:
    """One stream of sound: its first packet's byte offset, and the time of a change in seconds."""

    packets: int = 0
    position: int | None = None
    changed_at: Fraction | None = None


def survey(container: InputContainer) -> dict[int, Heard]:
    """Read a container to its end. Return the findings on its sound by stream. Use a container of its own."""
    sounds = container.streams.audio
    heard = {stream.index: Heard() for stream in sounds}
    kinds = {
        stream.index: bytes(stream.codec_context.extradata)
        for stream in sounds
        if stream.codec_context is not None and stream.codec_context.extradata
    }
    try:
        for packet in container.demux(*sounds):
            if not packet.size:
                continue
            index = packet.stream.index
            one = heard[index]
            one.packets += 1
            if one.position is None:
                one.position = packet.pos
            kind = _kind(packet)
            if one.changed_at is None and kind is not None and kinds.setdefault(index, kind) != kind:
                one.changed_at = (packet.pts or 0) * Fraction(packet.time_base.numerator, packet.time_base.denominator)
    except av.FFmpegError:  # the run itself reports damage
        pass
    return heard


def _kind(packet: AnyPacket) -> bytes | None:
    """Return the codec parameters that an MP4 would store, or None if the packet does not contain them."""
    if packet.has_sidedata("new_extradata"):
        return bytes(packet.get_sidedata("new_extradata"))
    context = packet.stream.codec_context
    if context is None or context.name != "aac" or packet.size < 4:
        return None
    head = bytes(memoryview(packet)[:4])
    if head[:1] != ADTS_SYNC or head[1] & 0xF0 != 0xF0:
        return None
    return bytes(byte & mask for byte, mask in zip(head[1:], ADTS_KIND, strict=True))


class Tail:
    """A file from a position on, for a demuxer that needs parameters missing at the file's beginning."""

    def __init__(self, path: Path, position: int) -> None:
        self._file = path.open("rb")
        self._file.seek(position)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()
