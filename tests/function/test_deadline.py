import pytest

from trigger.deadline import INVOCATION_SECONDS, Deadline
from trigger.outcomes import Retry


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_attempt_and_its_repetition_fit_into_what_is_left() -> None:
    clock = Clock()
    deadline = Deadline(clock=clock)
    for elapsed in (0.0, 5.0, 12.0):
        clock.now = 100.0 + elapsed
        timeouts = deadline.timeouts()
        assert 0 < 2 * (timeouts["connection_timeout"] + timeouts["read_timeout"]) < INVOCATION_SECONDS - elapsed


def test_no_call_begins_that_could_not_end_in_time() -> None:
    clock = Clock()
    deadline = Deadline(clock=clock)
    clock.now += INVOCATION_SECONDS - 1
    with pytest.raises(Retry, match="no time is left"):
        deadline.timeouts()
