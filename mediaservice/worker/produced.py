"""The files that the engine has written, read with distrust, since the engine reads strangers' videos.

The worker could follow a link to files that the engine must not read. The folder is therefore open from before the
engine starts, and only regular files of this user within it are opened.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mediaservice.model.errors import ErrorCode, JobFailedError

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a pipe must not block


@dataclass(frozen=True)
class Produced:
    """The files that the engine writes into a folder. `descriptor` is the folder's."""

    folder: Path
    descriptor: int
    max_bytes: int

    def names(self) -> list[str]:
        return os.listdir(self.descriptor)  # noqa: PTH208  # a path may have come to mean another folder

    def open(self, name: str) -> BinaryIO:
        """Open the file. Raises JobFailedError."""
        try:
            descriptor = os.open(name, FLAGS, dir_fd=self.descriptor)
        except OSError as error:
            raise _not_a_file(error.strerror or "it cannot be opened") from None
        found = os.fstat(descriptor)
        refusals = {
            "it is not a regular file": not stat.S_ISREG(found.st_mode),
            "it belongs to another user": found.st_uid != os.geteuid(),
            "it has other names": found.st_nlink != 1,
            f"it has {found.st_size:,} bytes": found.st_size > self.max_bytes,
        }
        if reason := next((reason for reason, applies in refusals.items() if applies), None):
            os.close(descriptor)
            raise _not_a_file(reason)
        return os.fdopen(descriptor, "rb")


@contextlib.contextmanager
def produced_in(folder: Path, max_bytes: int) -> Iterator[Produced]:
    """Make a new, empty folder at `folder`."""
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield Produced(folder, descriptor, max_bytes)
    finally:
        os.close(descriptor)


def _not_a_file(reason: str) -> JobFailedError:
    return JobFailedError(
        ErrorCode.SERVICE_ERROR, f"The redaction engine left an output that is not published: {reason}."
    )
