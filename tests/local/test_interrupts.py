import contextlib
import signal
import threading

import pytest

from local.interrupts import SIGNALS, Interrupts, put_off


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_the_end(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    done: list[str] = []
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), put_off():
            signal.raise_signal(number)
            signal.raise_signal(number)
            done.append("all of it")
        assert done == ["all of it"]
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_without_an_interrupt_nothing_happens_at_the_end() -> None:
    before = signal.getsignal(signal.SIGINT)
    with put_off(), put_off():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_other_threads_which_get_no_signals_it_changes_nothing() -> None:
    seen: list[object] = []

    def inside() -> None:
        with put_off():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_somebody_caught_comes_again(number: int) -> None:
    before = {each: signal.getsignal(each) for each in SIGNALS}
    interrupts = Interrupts()
    try:
        interrupts.arm()
        interrupts.check()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
