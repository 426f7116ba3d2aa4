"""Fires a Function App's timer triggers as the Functions host does: on schedule, one invocation at a time.

Source: learn.microsoft.com, "Timer trigger for Azure Functions": NCRONTAB has six fields, seconds first; times are UTC.
"""

import logging
import threading
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx
from croniter import CroniterBadCronError, croniter

from local.services.function_app import FunctionApp, IndexedFunction

TRIGGER = "timerTrigger"
LONGEST_SECONDS = 1800.0  # the default limit of an invocation on Flex Consumption
LATE = timedelta(minutes=1)
log = logging.getLogger(__name__)


class ScheduleError(ValueError):
    """A timer's schedule that cannot be read. The message is one line that names the function."""


class Timers:
    """The running timers, as a context manager. Raises ScheduleError."""

    def __init__(self, app: FunctionApp) -> None:
        self._app = app
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._fire_on, args=(function,), name=f"timer-{function.name}", daemon=True)
            for function in app.functions
            if function.trigger == TRIGGER
        ]
        for function in app.functions:
            if function.trigger == TRIGGER:
                _next(function, datetime.now(UTC))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the timers. A running invocation ends with the app."""
        self._stopped.set()

    def _fire_on(self, function: IndexedFunction) -> None:
        last = datetime.now(UTC)
        due = _next(function, last)
        while not self._stopped.wait(max(0.0, (due - datetime.now(UTC)).total_seconds())):
            following = _next(function, due)
            self._fire(function, _state(last, following, late=datetime.now(UTC) - due > LATE))
            last = due
            due = _next(function, max(due, datetime.now(UTC)))

    def _fire(self, function: IndexedFunction, state: dict[str, Any]) -> None:
        try:
            answer = httpx.post(self._app.endpoint(function.name), json=state, timeout=LONGEST_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            if not self._stopped.is_set():
                log.warning("timer %s could not be fired: %s", function.name, error)
            return
        if answer.is_error:
            log.warning("timer %s failed: %s", function.name, answer.json()["message"])


def _next(function: IndexedFunction, after: datetime) -> datetime:
    try:
        times = croniter(str(function.schedule), after, second_at_beginning=True)
        found: datetime = times.get_next(datetime)
    except CroniterBadCronError as error:
        raise ScheduleError(f"the schedule of {function.name} is {function.schedule!r}: {error}") from None
    return found


def _state(last: datetime, following: datetime, *, late: bool) -> dict[str, Any]:
    status = {"Last": last.isoformat(), "Next": following.isoformat(), "LastUpdated": last.isoformat()}
    return {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": late}
