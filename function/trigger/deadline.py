"""The time of one invocation. Event Grid considers a delivery failed after 30 s without an answer."""

import time
from collections.abc import Callable
from typing import TypedDict

from trigger.outcomes import Retry

INVOCATION_SECONDS = 16.0  # leaves 13 s for the slowest answer of a managed identity endpoint
LEAST_SECONDS = 2.0


class Timeouts(TypedDict):
    """Timeouts that every Azure SDK operation accepts, in seconds."""

    connection_timeout: float
    read_timeout: float


class Deadline:
    def __init__(self, seconds: float = INVOCATION_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def timeouts(self) -> Timeouts:
        """Return the next call's timeouts, for an attempt and its repetition. Raises Retry if no time is left."""
        remaining = self._end - self._clock()
        if remaining < LEAST_SECONDS:
            raise Retry("no time is left in this invocation")
        return {"connection_timeout": remaining * 0.15, "read_timeout": remaining * 0.3}
