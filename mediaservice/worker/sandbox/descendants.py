"""The processes that the engine has started: whatever they do to get away, they end with it."""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_adopting = False


def adopt_orphans() -> None:
    """From now on processes below this one that lose their parent become its children. Linux alone has this.

    For a process all of whose children are the engine's.
    """
    global _adopting  # noqa: PLW0603  # it is the process's
    if sys.platform == "linux":
        _adopting = ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0


def end_group(leader: int) -> None:
    """The process group of `leader`, which may have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_orphans() -> None:
    """Children that this process did not start itself, until there are no more; each may have left children."""
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
