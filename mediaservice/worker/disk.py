"""How much a worker may write: Container Apps evicts a replica whose disk is full, without an error that it could see.

Source: learn.microsoft.com, "Use storage mounts in Azure Container Apps", on ephemeral storage: 2 GiB up to 0.5 cores,
4 GiB up to 1, 8 GiB above.
"""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from mediaservice.model.errors import ErrorCode, JobFailedError

MOST_BYTES = 8 * 2**30  # of ephemeral storage that a replica can have
SHARE = 0.95  # of the limit; logs and what else the container writes count, too


@dataclass(frozen=True)
class Disk:
    """The disk below `folder`. `limit` is what the platform allows in bytes; 0 leaves it to the file system."""

    folder: Path
    limit: int

    def room(self) -> int:
        """Bytes that can be written yet."""
        free = shutil.disk_usage(self.folder).free
        return min(free, max(0, int(self.limit * SHARE) - _used(self.folder))) if self.limit else free

    @property
    def full(self) -> bool:
        """The platform's limit is reached. Without one, the file system raises errors of its own."""
        return bool(self.limit) and _used(self.folder) > self.limit * SHARE

    def refusal(self, what: str, code: ErrorCode) -> JobFailedError:
        """`what` begins the sentence, such as "The input has 9 bytes"."""
        if not self.limit:
            return JobFailedError(code, f"{what}, which the worker's disk does not hold.")
        remedy = (
            "a worker with more than one core has more (workerCpu)"
            if self.limit < MOST_BYTES
            else "give it in parts, or with a lower bit rate"
        )
        return JobFailedError(code, f"{what}; the worker's disk holds {int(self.limit * SHARE):,} bytes: {remedy}.")


def _used(folder: Path) -> int:
    """Allocated bytes of all files below `folder`, those that vanish meanwhile left out."""
    total = 0
    for where, _, names in folder.walk():
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (where / name).lstat().st_blocks * 512
    return total
