"""Hides the worker from the engine, which runs as the same user."""

import ctypes
import sys

PR_SET_DUMPABLE = 4  # linux/prctl.h


def conceal() -> None:
    """No process of the same user may read this one's memory and environment any more, or trace it.

    In them are the addresses of inputs and what opens the identity endpoint. Linux alone has this.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
