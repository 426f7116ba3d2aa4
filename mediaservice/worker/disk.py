"""The limit on a worker's disk. Container Apps evicts a replica whose disk is full, without an error that it sees.

Source: learn.microsoft.com, "Use storage mounts in Azure Container Apps", on ephemeral storage: 2 GiB up to 0.5 cores,
4 GiB up to 1, 8 GiB above.
"""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from mediaservice.model.errors import ErrorCode, JobFailedError

MOST_BYTES = 8 * 2**30  # of ephemeral storage that a replica can have
SHARE = 0.95  # of the limit, which also covers logs and other files of the container


@dataclass(frozen=True)
class Disk:
    """The disk below `folder`. `limit` is the platform's in bytes, or 0 for the file system's."""

    folder: Path
    limit: int

    def room(self) -> int:
        """The bytes that can still be written."""
        free = shutil.disk_usage(self.folder).free
        return min(free, max(0, int(self.limit * SHARE) - _used(self.folder))) if self.limit else free

    @property
    def full(self) -> bool:
        """True if the platform's limit is reached. Without one, the file system raises its own errors."""
        return bool(self.limit) and _used(self.folder) > self.limit * SHARE

    def refusal(self, what: str, code: ErrorCode) -> JobFailedError:
        """Return the error for a client. `what` begins the sentence, such as "The input has 9 bytes"."""
        if not self.limit:
            return JobFailedError(code, f"{what}, which the worker's disk does not hold.")
        remedy = (
            "a worker with more than one core has more (workerCpu)"
            if self.limit < MOST_BYTES
            else "give it in parts, or with a lower bit rate"
        )
        return JobFailedError(code, f"{what}; the worker's disk holds {int(self.limit * SHARE):,} bytes: {remedy}.")


def _used(folder: Path) -> int:
    """Return the allocated bytes of all files below `folder`, without those that vanish meanwhile."""
    total = 0
    for where, _, names in folder.walk():
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (where / name).lstat().st_blocks * 512
    return total
