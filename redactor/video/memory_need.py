"""The memory that a run needs: a video too large for what is allowed is refused before it is decoded."""

import os
from typing import Final

from redactor.errors import ContentUnsupported
from redactor.video.facts import VideoFacts
from redactor.video.picture import frame_bytes

LIMIT: Final = "REDACTOR_MEMORY_BYTES"  # variable: what this process may use; none, if it is not set
# Peaks of 0.72 GiB at 1920x1080 and 1.5 GiB at 3840x2160, measured with two cores, and of 4 GB at 8192x4320: networks
# and libraries, and copies of a frame that decoder, look-ahead and encoder hold. The look-ahead is limited in bytes.
BASE_BYTES: Final = 456 * 2**20
LARGE_FRAME: Final = 12_441_600  # bytes: 3840x2160, 8 bits, 4:2:0
FRAMES: Final = 88  # copies of a frame up to that
MORE_FRAMES: Final = 60  # copies of what is larger


def needed_bytes(frame: int) -> int:
    """Return the memory that a run takes at most; `frame` is a frame's size in bytes."""
    below = min(frame, LARGE_FRAME)
    return BASE_BYTES + FRAMES * below + MORE_FRAMES * (frame - below)


def check_memory(name: str, facts: VideoFacts) -> None:
    """Raise ContentUnsupported if the video's frames need more memory than is allowed."""
    limit = os.environ.get(LIMIT, "")
    if not limit.isdecimal():
        return
    needed = needed_bytes(frame_bytes(facts.pixel_format, facts.width, facts.height))
    if needed > int(limit):
        raise ContentUnsupported(
            f"{name}: {facts.width}x{facts.height} needs about {needed / 1e9:.1f} GB of memory, "
            f"allowed: {int(limit) / 1e9:.1f} GB"
        )
