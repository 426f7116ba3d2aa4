"""Ctrl-C and SIGTERM: never lost, and deferred during steps that must not be interrupted."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns both signals into KeyboardInterrupt. `check` raises it again in case the first one was lost.

    Python drops an exception that a signal handler raises within a destructor or the callback of a weak reference,
    which happened in one of seven starts of the local cloud. A library may also catch it. Long-running code therefore
    calls `check` regularly.
    """

    def __init__(self) -> None:
        self.received = False

    def arm(self) -> None:
        """Install the signal handlers. Call it in the main thread."""
        for number in SIGNALS:
            signal.signal(number, self._receive)
        sys.unraisablehook = self._report

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come."""
        if self.received:
            raise KeyboardInterrupt

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.received = True
        raise KeyboardInterrupt

    def _report(self, dropped: "sys.UnraisableHookArgs") -> None:
        if not self.received:  # otherwise it is the interrupt itself, or a consequence of it
            sys.__unraisablehook__(dropped)


ours = Interrupts()  # this process's


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Defer both signals until the end of the `with`. Does nothing outside the main thread, which receives them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def keep(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, keep) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])
