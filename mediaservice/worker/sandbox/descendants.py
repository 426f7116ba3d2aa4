"""The processes that the engine starts end with it, even if they leave its process group."""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_adopting = False


def adopt_orphans() -> None:
    """Make descendants that lose their parent children of this process. Available on Linux only.

    All children of this process must belong to the engine.
    """
    global _adopting  # noqa: PLW0603  # it is the process's
    if sys.platform == "linux":
        _adopting = ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0


def end_group(leader: int) -> None:
    """Kill the process group of `leader`, which may have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_orphans() -> None:
    """Kill children that this process did not start, until none are left, since each may leave children."""
    while _adopting and (orphans := _children()):
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(orphan, 0)


def _children() -> list[int]:
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue  # it has just ended
        if parent == os.getpid():
            found.append(int(stat.parent.name))
    return found
