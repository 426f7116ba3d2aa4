"""Bounded reading of a child's output."""

import asyncio
from collections.abc import AsyncIterator

CHUNK_BYTES = 64 * 1024
LINE_BYTES = 256 * 1024
TAIL_BYTES = 8 * 1024


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines of up to LINE_BYTES. Longer ones are left out."""
    line, skipped = b"", False
    while chunk := await stream.read(CHUNK_BYTES):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            if not skipped and len(line) + len(end) <= LINE_BYTES:
                yield line + end
            line, skipped = b"", False
        skipped = skipped or len(line) + len(rest) > LINE_BYTES
        line = b"" if skipped else line + rest
    if line:
        yield line


async def last_line(stream: asyncio.StreamReader) -> str:
    """Return the last line that is not blank within the last TAIL_BYTES."""
    tail = b""
    while chunk := await stream.read(CHUNK_BYTES):
        tail = (tail + chunk)[-TAIL_BYTES:]
    return next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), b"").decode(errors="replace")
