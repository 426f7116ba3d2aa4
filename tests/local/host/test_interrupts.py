import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from local.host.interrupts import SIGNALS, Interrupts, deferred


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_the_end(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    done: list[str] = []
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), deferred():
            signal.raise_signal(number)
            signal.raise_signal(number)
            done.append("all of it")
        assert done == ["all of it"]
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_without_an_interrupt_nothing_happens_at_the_end() -> None:
    before = signal.getsignal(signal.SIGINT)
    with deferred(), deferred():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_other_threads_which_get_no_signals_it_changes_nothing() -> None:
    seen: list[object] = []

    def inside() -> None:
        with deferred():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


@pytest.fixture
def armed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Interrupts]:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = {each: signal.getsignal(each) for each in SIGNALS}
    interrupts = Interrupts()
    interrupts.arm()
    yield interrupts
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_that_somebody_caught_comes_again(armed: Interrupts, number: int) -> None:
    armed.check()
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        armed.check()


def test_an_interrupt_within_a_destructor_comes_again_and_is_not_printed(
    armed: Interrupts, capfd: pytest.CaptureFixture[str]
) -> None:
    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    Dying()
    with pytest.raises(KeyboardInterrupt):
        armed.check()
    assert capfd.readouterr().err == ""


def test_what_else_a_destructor_drops_is_printed(armed: Interrupts, capfd: pytest.CaptureFixture[str]) -> None:
    class Dying:
        def __del__(self) -> None:
            raise ValueError("broken")

    Dying()
    assert "ValueError: broken" in capfd.readouterr().err
