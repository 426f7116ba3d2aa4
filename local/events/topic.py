"""An Event Grid topic and its subscriptions: filtering, delivery at least once, retries, dead letters."""

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from azure.core.exceptions import AzureError

from local.events.dead_letters import DeadLetters
from local.events.delivery import Outcome, RetryPolicy, RetrySchedule, attempt
from local.events.filter import Event, EventFilter
from local.events.ledger import Delivery, DeliveryLedger

SCHEMAS = ("EventGridSchema",)
DEAD_LETTERING_SECONDS = 4 * 3600.0  # the time for which Event Grid tries to write a dead letter
log = logging.getLogger(__name__)


class SubscriptionError(ValueError):
    """A declared subscription that the local cloud cannot provide. The message is one line that names the setting."""


class Stage(Enum):
    PUBLISHED = "published"
    FILTERED_OUT = "filtered out"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD_LETTERED = "dead-lettered"
    DEAD_LETTERING_FAILED = "dead-lettering failed"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Notice:
    """A stage that an event has reached. `subscription` is None for PUBLISHED, and for FILTERED_OUT (by all of them).

    `detail` is the outcome of the last attempt, with the function's own message; for DEAD_LETTERED the blob's name.
    """

    stage: Stage
    event: Event
    subscription: str | None = None
    attempts: int = 0
    detail: str = ""
    next_attempt: datetime | None = None


type Listener = Callable[[Notice], None]


@dataclass(frozen=True)
class Subscription:
    """A subscription's destination, filter and retries. Without `dead_letters`, undeliverable events are dropped.

    With a `handshake`, it gets events from the time on that it calls what it is given. It may raise HandshakeError.
    """

    name: str
    endpoint: str
    filter: EventFilter
    retry: RetryPolicy
    dead_letters: DeadLetters | None = None
    handshake: Callable[[Callable[[], None]], None] | None = None

    @classmethod
    def declared(
        cls,
        inputs: Mapping[str, Any],
        *,
        endpoint: str,
        dead_letters: DeadLetters | None = None,
        handshake: Callable[[Callable[[], None]], None] | None = None,
    ) -> "Subscription":
        """Read the inputs of a SystemTopicEventSubscription or EventSubscription.

        Raises SubscriptionError, filter.FilterError and delivery.RetryPolicyError.
        """
        name = inputs["eventSubscriptionName"]
        schema = inputs.get("eventDeliverySchema") or SCHEMAS[0]
        if schema not in SCHEMAS:
            raise SubscriptionError(f"eventDeliverySchema of {name} is {schema}; allowed is {SCHEMAS[0]}")
        return cls(
            name=name,
            endpoint=endpoint,
            filter=EventFilter.declared(inputs.get("filter") or {}),
            retry=RetryPolicy.declared(inputs.get("retryPolicy") or {}),
            dead_letters=dead_letters,
            handshake=handshake,
        )


class Topic:
    """Delivers published events, and those that an earlier run left in the folder `state`. A context manager.

    Entering it raises HandshakeError if a subscription's destination refuses.
    `listener` is called with each notice, from the publisher's thread and the topic's own.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        *,
        state: Path | None = None,
        listener: Listener | None = None,
        schedule: RetrySchedule | None = None,
    ) -> None:
        self._subscriptions = {subscription.name: subscription for subscription in subscriptions}
        self._active = {each.name for each in subscriptions if each.handshake is None}
        self._listener = listener
        self._schedule = schedule or RetrySchedule()
        self._ledger = DeliveryLedger(state)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="event-topic", daemon=True)
        self._deliveries: set[asyncio.Task[None]] = set()
        # The environment's proxy must not be used for this machine.
        self._client = httpx.AsyncClient(
            trust_env=False, verify=ssl.create_default_context(), limits=httpx.Limits(max_connections=None)
        )

    def publish(self, event: Event) -> None:
        """Accept the event. Once this returns, a restart does not lose it."""
        self._notify(Notice(Stage.PUBLISHED, event))
        wanted = [
            name
            for name, subscription in self._subscriptions.items()
            if name in self._active and subscription.filter.admits(event)
        ]
        for name in wanted:
            delivery = self._ledger.add(name, event, time.time())
            self._loop.call_soon_threadsafe(self._begin, delivery)
        if not wanted:
            self._notify(Notice(Stage.FILTERED_OUT, event))

    def __enter__(self) -> Self:
        self._thread.start()
        pending = self._ledger.pending()
        for delivery in pending:
            if delivery.subscription in self._active:
                self._loop.call_soon_threadsafe(self._begin, delivery)
            elif delivery.subscription not in self._subscriptions:  # the graph no longer declares it
                self._ledger.remove(delivery)
        try:
            for name, subscription in self._subscriptions.items():
                if subscription.handshake:
                    mine = [delivery for delivery in pending if delivery.subscription == name]
                    subscription.handshake(partial(self._activate, name, mine))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _activate(self, name: str, pending: Sequence[Delivery]) -> None:
        log.info("subscription %s: its destination is validated", name)
        self._active.add(name)
        for delivery in pending:
            self._loop.call_soon_threadsafe(self._begin, delivery)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self._ledger.close()

    async def _close(self) -> None:
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        await self._client.aclose()

    def _begin(self, delivery: Delivery) -> None:
        task = self._loop.create_task(self._deliver(delivery))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        subscription = self._subscriptions[delivery.subscription]
        expiry = delivery.published + subscription.retry.time_to_live
        while delivery.given_up is None:
            await asyncio.sleep(delivery.due - time.time())
            if delivery.attempts and time.time() >= expiry:
                delivery.given_up = "TimeToLiveExceeded"
                self._ledger.update(delivery)
                break
            outcome = await self._attempt(subscription, delivery)
            if outcome.delivered:
                self._ledger.remove(delivery)
                self._notify(
                    Notice(Stage.DELIVERED, delivery.event, subscription.name, delivery.attempts, outcome.name)
                )
                return
            if outcome.final:
                delivery.given_up = f"UndeliverableDueToHttp{outcome.name}"
            elif delivery.attempts >= subscription.retry.max_attempts:
                delivery.given_up = "MaxDeliveryAttemptsExceeded"
            else:
                wait = self._schedule.delay(delivery.attempts, outcome.status)
                delivery.due = min(time.time() + wait, expiry)
            self._ledger.update(delivery)
            if delivery.given_up is None:
                self._notify(
                    Notice(
                        Stage.RETRYING,
                        delivery.event,
                        subscription.name,
                        delivery.attempts,
                        f"{outcome.name}: {outcome.message}",
                        datetime.fromtimestamp(delivery.due, UTC),
                    )
                )
        await self._give_up(subscription, delivery)

    async def _attempt(self, subscription: Subscription, delivery: Delivery) -> Outcome:
        attempted = time.time()
        outcome = await attempt(
            self._client, subscription.endpoint, delivery.event, subscription.name, delivery.attempts
        )
        delivery.attempts += 1
        delivery.attempted, delivery.outcome, delivery.status = attempted, outcome.name, outcome.status
        return outcome

    async def _give_up(self, subscription: Subscription, delivery: Delivery) -> None:
        since, failures = time.time(), 0
        stage, detail = Stage.DROPPED, f"{delivery.given_up}, and there is no dead-letter destination"
        while subscription.dead_letters:
            try:
                detail = await asyncio.to_thread(subscription.dead_letters.write, delivery)
                stage = Stage.DEAD_LETTERED
                break
            except AzureError as error:
                failures += 1
                detail = f"{delivery.given_up}, and no dead letter could be written: {error.message.splitlines()[0]}"
                wait = self._schedule.delay(failures, None)
                if time.time() + wait > since + DEAD_LETTERING_SECONDS:
                    break
                self._notify(
                    Notice(
                        Stage.DEAD_LETTERING_FAILED,
                        delivery.event,
                        subscription.name,
                        delivery.attempts,
                        detail,
                        datetime.fromtimestamp(time.time() + wait, UTC),
                    )
                )
                await asyncio.sleep(wait)
        self._ledger.remove(delivery)
        self._notify(Notice(stage, delivery.event, subscription.name, delivery.attempts, detail))

    def _notify(self, notice: Notice) -> None:
        log.info("event %s %s: %s", notice.event.get("id"), notice.stage.value, notice.detail)
        if self._listener:
            try:
                self._listener(notice)
            except Exception:  # an error of the listener must not stop a delivery
                log.exception("the listener failed")
