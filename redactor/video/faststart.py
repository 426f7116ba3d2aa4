"""Moves an MP4's index before its media, so that players start at once, and adds boxes that the muxer omits.

FFmpeg's own +faststart takes minutes for a large file and cannot be stopped. Boxes are defined in ISO/IEC 14496-12.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from redactor.errors import RedactionError

BLOCK: Final = 8 * 2**20  # bytes between two calls of `checkpoint`
PARENTS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
VIDEO_ENTRIES: Final = frozenset({b"avc1", b"avc3", b"hvc1", b"hev1"})
MAX_UINT32: Final = 2**32 - 1


def index_first(
    path: Path, checkpoint: Callable[[], None], entry_boxes: bytes = b"", rewritten: tuple[str, str] = ("", "")
) -> None:
    """Rewrite the MP4 at `path` in place, and add `entry_boxes` to the video's sample entry.

    `rewritten`: a text in the index and what stands in its place, of the same length.
    `checkpoint` is called after each block. If it raises, the file is left unusable.
    """
    with path.open("r+b") as file:
        boxes = list(_boxes(file))
        kinds = [kind for kind, _, _ in boxes]
        if kinds[0] != b"ftyp" or kinds[-1] != b"moov":
            raise RedactionError(f"{path.name}: boxes are {kinds}, expected ftyp first and moov last")
        start, (_, index_at, size) = boxes[1][1], boxes[-1]
        file.seek(index_at)
        old, new = (text.encode() for text in rewritten)
        index = relocated(file.read(size).replace(old, new), entry_boxes)
        _insert_before_media(file, index, start, index_at, checkpoint)


def _insert_before_media(file: BinaryIO, content: bytes, start: int, end: int, checkpoint: Callable[[], None]) -> None:
    """Insert `content` at `start`, before the bytes up to `end`, and truncate the file after them."""
    waiting = content
    reading = writing = start
    while reading < end:
        checkpoint()
        file.seek(reading)
        block = file.read(min(BLOCK, end - reading))
        if not block:
            raise RedactionError("the output became shorter while it was written")
        reading += len(block)
        waiting += block
        file.seek(writing)
        writing += file.write(waiting[: len(block)])
        waiting = waiting[len(block) :]
    file.seek(writing)
    writing += file.write(waiting)
    file.truncate(writing)


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, offset and size of each top-level box."""
    at, end = 0, file.seek(0, 2)
    while at < end:
        file.seek(at)
        header = file.read(16)
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1:
            size = struct.unpack_from(">Q", header, 8)[0]
        yield kind, at, size or end - at
        at += size or end - at


def relocated(index: bytes, entry_boxes: bytes) -> bytes:
    """Return the `moov` box for media that are moved back by its own new length."""
    for wide in (False, True):
        length = len(_shifted(index, 0, entry_boxes, wide=wide))
        try:
            return _shifted(index, length, entry_boxes, wide=wide)
        except OverflowError:
            continue
    raise RedactionError("the index cannot be moved to the front")


def _shifted(box: bytes, shift: int, entry_boxes: bytes, *, wide: bool) -> bytes:
    """Add `shift` to the offsets in `box`. Raise OverflowError if they need 64 bits and `wide` is False."""
    kind, content = box[4:8], box[8:]
    if kind in PARENTS:
        at, parts = 0, []
        while at < len(content):
            size = int.from_bytes(content[at : at + 4])
            parts.append(_shifted(content[at : at + size], shift, entry_boxes, wide=wide))
            at += size
        content = b"".join(parts)
    elif kind == b"stsd" and content[12:16] in VIDEO_ENTRIES:
        entry = content[8:] + entry_boxes  # the track's only entry
        content = content[:8] + len(entry).to_bytes(4) + entry[4:]
    elif kind in {b"stco", b"co64"}:
        offsets = np.frombuffer(content[8:], ">u4" if kind == b"stco" else ">u8").astype(np.uint64) + np.uint64(shift)
        if kind == b"stco" and not wide and offsets.max(initial=0) > MAX_UINT32:
            raise OverflowError
        kind = b"co64" if wide else kind
        content = content[:8] + offsets.astype(">u4" if kind == b"stco" else ">u8").tobytes()
    return (8 + len(content)).to_bytes(4) + kind + content
