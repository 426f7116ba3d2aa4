"""One invocation's time: Event Grid takes a function that has not answered after 30 s for failed."""

import time
from collections.abc import Callable
from typing import TypedDict

from trigger.outcomes import Retry

INVOCATION_SECONDS = 16.0  # leaves 13 s for a managed identity endpoint at its slowest
LEAST_SECONDS = 2.0


class Timeouts(TypedDict):
    """What every Azure SDK operation accepts, in seconds."""

    connection_timeout: float
    read_timeout: float


class Deadline:
    def __init__(self, seconds: float = INVOCATION_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def timeouts(self) -> Timeouts:
        """For the next call: an attempt and its one repetition end in time. Raises Retry when none would."""
        remaining = self._end - self._clock()
        if remaining < LEAST_SECONDS:
            raise Retry("no time is left in this invocation")
        return {"connection_timeout": remaining * 0.15, "read_timeout": remaining * 0.3}
