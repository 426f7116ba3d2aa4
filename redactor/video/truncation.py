"""Truncation, from container headers, for formats without an index of pictures.

MP4 and AVI have an index, and FLV states each picture's length. Matroska and ASF state the length of the whole file,
and MPEG-TS has packets of one length. A recording that stopped between two packets cannot be distinguished from a
complete one, and is accepted.
"""

from pathlib import Path
from typing import BinaryIO, Final

from redactor.video.transport import packet_shape

EBML: Final = b"\x1a\x45\xdf\xa3"
SEGMENT: Final = b"\x18\x53\x80\x67"
ASF_FILE_PROPERTIES: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
ASF_BROADCAST: Final = 1  # the length was not known when the header was written
HEAD: Final = 64 * 1024


def truncation(path: Path, format_name: str) -> str | None:
    """Describe how the file is truncated, or return None. `format_name` is FFmpeg's name of the demuxer."""
    size = path.stat().st_size
    with path.open("rb") as file:
        promised = _matroska(file) if "matroska" in format_name else 0
        file.seek(0)
        head = file.read(HEAD)
    if format_name == "asf":
        promised = _asf(head)
    if size < promised:
        return f"{size} of {promised} bytes are there"
    if format_name == "mpegts" and _ends_within_packet(head, size):
        return "ends within a packet"
    return None


def _matroska(file: BinaryIO) -> int:
    """Return the segment's end, or 0 if it is not stated. See RFC 8794 (numbers) and RFC 9559 (elements)."""
    if file.read(4) != EBML:
        return 0
    length = _number(file)
    if length is None:
        return 0
    file.seek(length, 1)
    if file.read(4) != SEGMENT:
        return 0
    length = _number(file)
    return 0 if length is None else file.tell() + length


def _number(file: BinaryIO) -> int | None:
    """Read a variable-length size. Return None for "unknown", all ones."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more))
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _asf(head: bytes) -> int:
    """Return the file's length, or 0 if it is not stated. See Advanced Systems Format 3.2, File Properties Object."""
    at = head.find(ASF_FILE_PROPERTIES)
    if at < 0 or at + 92 > len(head) or head[at + 88] & ASF_BROADCAST:
        return 0
    return int.from_bytes(head[at + 40 : at + 48], "little")


def _ends_within_packet(head: bytes, size: int) -> bool:
    shape = packet_shape(head)
    return shape is not None and size % shape[0] != 0
