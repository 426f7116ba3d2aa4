"""Runs a command with what a child that reads strangers' files needs: `confine.py CPU_SECONDS FILE_BYTES COMMAND…`.

A script of its own, started without site packages, since it runs between the worker and the engine: on Linux the
child ends with the worker, even when that is killed, and is the first to go when memory runs out; no core dumps, few
open files, so much processor time, so large a file and no larger.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
OPEN_FILES = 256
LAST_SECONDS = 5  # between the signal that ends it and the one that cannot be caught


def main() -> None:
    cpu_seconds, file_bytes, *command = sys.argv[1:]
    if sys.platform == "linux":
        worker = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != worker:  # it ended before the request took effect
            sys.exit(1)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    limit(resource.RLIMIT_FSIZE, int(file_bytes))
    limit(resource.RLIMIT_CPU, int(cpu_seconds), LAST_SECONDS)
    os.execv(command[0], command)  # noqa: S606 — no shell is meant


def limit(what: int, most: int, more: int = 0) -> None:
    """Never above what this process is allowed itself; the hard limit is `more` than the soft one."""
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
        more = min(more, hard - most)
    resource.setrlimit(what, (most, most + more))


if __name__ == "__main__":
    main()
