"""Hides the worker from the engine, which runs as the same user."""

import ctypes
import sys

PR_SET_DUMPABLE = 4  # linux/prctl.h


def conceal() -> None:
    """Keep processes of the same user from reading this one's memory and environment, and from tracing it.

    They hold the addresses of inputs and the secret of the identity endpoint. Available on Linux only.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
