"""Runs a command under limits for a child that reads strangers' files: `confine.py CPU_SECONDS FILE_BYTES COMMAND…`.

It is a script, started without site packages, since it runs between the worker and the engine. On Linux the child ends
with the worker, even if that is killed, and is the first to be killed when memory runs out. Core dumps are off; open
files, processor time and file sizes are limited.
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
LAST_SECONDS = 5  # between SIGXCPU and SIGKILL


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
    """Set a limit, within this process's own. The hard limit exceeds the soft one by `more`."""
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
        more = min(more, hard - most)
    resource.setrlimit(what, (most, most + more))


if __name__ == "__main__":
    main()
