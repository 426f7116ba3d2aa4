"""Ctrl-C and SIGTERM: never lost, and put off while something must not be left half done."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Both signals as KeyboardInterrupt, raised again by `check` should the first one have got lost.

    Python reports and drops an exception that a signal raises within a destructor or the callback of a weak reference
    (one start in seven of the local cloud, whose resources are collected just then), and some library may catch it; so
    whatever takes long asks now and then.
    """

    def __init__(self) -> None:
        self.received = False

    def arm(self) -> None:
        """From now on the signals come here. Only in the main thread."""
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
        if not self.received:  # else it is the interrupt itself, or comes of what it left half made
            sys.__unraisablehook__(dropped)


ours = Interrupts()  # this process's


@contextlib.contextmanager
def put_off() -> Iterator[None]:
    """Let both signals wait for the end of the `with`. Only the main thread gets any; in others this does nothing."""
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
