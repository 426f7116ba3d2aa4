"""Checks that the last picture of an MPEG-TS recording is complete: decoders do not always notice a missing end.

Packets have one length, so a picture's last packet is filled up with stuffing, unless the picture fits exactly. Then
the picture is decoded with other bytes behind its end: a complete picture stays the same.
"""

import contextlib
import io
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from redactor.video.restarts import AnyPacket
from redactor.video.transport import has_stuffing, packet_shape

DECODER_OPTIONS: Final = {"err_detect": "explode"}
# Codecs with arithmetic coding. Decoders of others notice that bits are missing.
ARITHMETIC: Final = frozenset({"h264", "hevc"})
LOOKED_BACK: Final = (2 * 2**20, 64 * 2**20)  # bytes before the end
GROUPS: Final = 2  # of pictures: those shown before the last keyframe depend on the group before it
# Bytes without a start code in them, to decode behind the end.
FOREIGN: Final = tuple(bytes((factor * n * n + 11 * n + 91) % 255 + 1 for n in range(256)) for factor in (37, 101))


def torn_picture(path: Path, video: VideoStream, until: int | None = None) -> int | None:
    """Return the byte position of the last picture before byte `until`, or the file's end, if its end is missing."""
    if video.codec_context.codec.canonical_name not in ARITHMETIC:
        return None
    end = path.stat().st_size if until is None else until
    with path.open("rb") as file:
        shape = packet_shape(file.read(2048))
        if shape is None:
            return None
        length, sync = shape
        for reach in LOOKED_BACK:
            start = max(0, end - reach) // length * length
            file.seek(start)
            data = file.read(end - start)
            if has_stuffing(data, length, sync, video.id):
                return None
            packets = _last_groups(data, video.id)
            if not start or sum(packet.is_keyframe for packet in packets) == GROUPS:
                break
    if not packets or _is_complete(video, packets):
        return None
    return start + (packets[-1].pos or 0)


def _last_groups(data: bytes, pid: int) -> Sequence[AnyPacket]:
    """Return the packets from the last keyframe but one on, or all if there are fewer."""
    groups: deque[list[AnyPacket]] = deque([[]], GROUPS)
    with contextlib.suppress(av.FFmpegError), av.open(io.BytesIO(data), "r", format="mpegts") as container:
        assert isinstance(container, InputContainer)
        streams = [stream for stream in container.streams.video if stream.id == pid]
        for packet in container.demux(streams) if streams else ():
            if packet.is_keyframe:
                groups.append([])
            if packet.size:
                groups[-1].append(packet)
    return [packet for group in groups for packet in group]


def _is_complete(video: VideoStream, packets: Sequence[AnyPacket]) -> bool:
    """Return True if the last picture can be decoded and does not depend on bytes behind its end."""
    *before, last = packets
    plain, *others = (_last_shown(video, before, last, foreign) for foreign in (b"", *FOREIGN))
    return plain is not None and all(other is not None and np.array_equal(plain, other) for other in others)


def _last_shown(
    video: VideoStream, before: Sequence[AnyPacket], last: AnyPacket, foreign: bytes
) -> NDArray[np.uint8] | None:
    """Decode packets with `foreign` bytes behind the last one. Return the last one's picture if there is one."""
    context = CodecContext.create(video.codec_context.codec.canonical_name, "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_type = "NONE"
    context.options = DECODER_OPTIONS
    frames: list[VideoFrame] = []
    for packet in before:
        with contextlib.suppress(av.FFmpegError):  # pictures that depend on an earlier group
            frames += context.decode(packet)
    ending = Packet(bytes(last) + foreign)
    ending.pts, ending.dts, ending.time_base = last.pts, last.dts, last.time_base
    try:
        frames += [*context.decode(ending), *context.decode(None)]
    except av.FFmpegError:
        return None
    shown = (frame for frame in frames if frame.pts == last.pts and not frame.is_corrupt)
    return next((np.asarray(frame.to_ndarray(), np.uint8) for frame in shown), None)
