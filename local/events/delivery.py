"""One attempt to deliver an event, its outcome, and the schedule of retries.

Source: learn.microsoft.com "Event Grid message delivery and retry".
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from local.events.filter import Event

ANSWER_SECONDS = 30.0
MESSAGE_CHARACTERS = 2_000
NEVER_RETRIED = frozenset({400, 403, 413})  # for destinations that are Azure resources, such as functions
SCHEDULE_SECONDS = (10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200)
LEAST_SECONDS: Mapping[int, float] = {401: 300, 404: 300, 408: 120, 503: 30}


class RetryPolicyError(ValueError):
    """A declared retry policy outside Event Grid's limits. The message is one line that names the setting."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of an attempt. `name` is .NET's name of the status code, TimedOut or SocketError."""

    name: str
    status: int | None
    message: str = ""

    @property
    def delivered(self) -> bool:
        return self.status in (200, 201, 202, 203, 204)

    @property
    def final(self) -> bool:
        """True if another attempt would end the same way."""
        return self.status in NEVER_RETRIED


@dataclass(frozen=True)
class RetrySchedule:
    """Seconds to wait after the first, second, … failure. The last one repeats."""

    seconds: tuple[float, ...] = SCHEDULE_SECONDS
    least: Mapping[int, float] | None = None

    def delay(self, attempts: int, status: int | None) -> float:
        """Return the seconds until the next attempt, after `attempts` failures of which the last had `status`."""
        least = LEAST_SECONDS if self.least is None else self.least
        return max(self.seconds[min(attempts, len(self.seconds)) - 1], least.get(status or 0, 0))


@dataclass(frozen=True)
class RetryPolicy:
    """The limits after which an event is given up: attempts or seconds, whichever comes first."""

    max_attempts: int = 30
    time_to_live: float = 1_440 * 60

    @classmethod
    def declared(cls, inputs: Mapping[str, Any]) -> "RetryPolicy":
        """Read the `retryPolicy` of an event subscription's inputs. Raises RetryPolicyError."""
        attempts = inputs.get("maxDeliveryAttempts") or 30
        minutes = inputs.get("eventTimeToLiveInMinutes") or 1_440
        for name, value, most in (
            ("maxDeliveryAttempts", attempts, 30),
            ("eventTimeToLiveInMinutes", minutes, 1_440),
        ):
            if not 1 <= value <= most:
                raise RetryPolicyError(f"retryPolicy.{name} is {value:g}; allowed are 1 to {most}")
        return cls(int(attempts), minutes * 60)


async def attempt(client: httpx.AsyncClient, endpoint: str, event: Event, subscription: str, count: int) -> Outcome:
    """Post the event and wait for the answer as long as Event Grid does. A failed delivery raises nothing."""
    headers = {
        "aeg-event-type": "Notification",
        "aeg-subscription-name": subscription.upper(),
        "aeg-delivery-count": str(count),
        "aeg-data-version": event["dataVersion"],
        "aeg-metadata-version": event["metadataVersion"],
    }
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await client.post(endpoint, json=[event], headers=headers, timeout=None)
    except TimeoutError:
        return Outcome("TimedOut", None, f"no answer within {ANSWER_SECONDS:g} s")
    except httpx.TransportError as error:
        return Outcome("SocketError", None, f"{type(error).__name__}: {error}")
    return Outcome(_name(answer.status_code), answer.status_code, _message(answer))


def _message(answer: httpx.Response) -> str:
    """Return the message in function_host's answers, `{"message": …}`, and other answers unchanged."""
    try:
        return str(answer.json()["message"])[:MESSAGE_CHARACTERS]
    except (ValueError, TypeError, KeyError):
        return answer.text[:MESSAGE_CHARACTERS]


def _name(status: int) -> str:
    if status == 413:
        return "RequestEntityTooLarge"
    try:
        words = HTTPStatus(status).name.split("_")
    except ValueError:
        return str(status)
    return words[0] if words == ["OK"] else "".join(word.capitalize() for word in words)
