"""Runs a command with what a child that reads strangers' files needs: `python confine.py COMMAND…`.

A script of its own, started without site packages, since it runs between the worker and the engine: on Linux the
child ends with the worker, even when that is killed; no core dumps, and few open files.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
OPEN_FILES = 256


def main() -> None:
    if sys.platform == "linux":
        worker = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != worker:  # it ended before the request took effect
            sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 — no shell is meant


if __name__ == "__main__":
    main()
