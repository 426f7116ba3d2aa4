"""Starts a job's executions when its queue has messages, as KEDA does for Container Apps.

Sources: keda.sh "Azure Storage Queue" and "Scaling Jobs" (the strategy default, the only one in Container Apps);
learn.microsoft.com "Jobs in Azure Container Apps".
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient

from local.host.processes import Process, ProcessError

LOOK_SECONDS = 0.3  # between two reads of the queue's length
MOST_PEEKED = 32
MOST_PAUSE_SECONDS = 30.0
log = logging.getLogger(__name__)


class ScaleRuleError(ValueError):
    """A declared scale rule that the local cloud cannot provide. The message is one line that names the setting."""


class QueueLengthStrategy(Enum):
    ALL = "all"
    VISIBLE_ONLY = "visibleonly"


@dataclass(frozen=True)
class ScaleRule:
    """The rule for the number of executions. An execution that takes longer than `seconds` is ended.

    The queue is read every `polling_seconds`.
    """

    account: str
    queue: str
    messages_each: int
    strategy: QueueLengthStrategy
    min_executions: int
    max_executions: int
    polling_seconds: float
    seconds: float

    @classmethod
    def declared(cls, inputs: Mapping[str, Any]) -> "ScaleRule":
        """Read the `configuration` of an event-driven Container Apps job. Raises ScaleRuleError."""
        trigger = inputs.get("triggerType")
        if trigger != "Event":
            raise ScaleRuleError(f"configuration.triggerType is {trigger!r}; allowed is 'Event'")
        scale = (inputs.get("eventTriggerConfig") or {}).get("scale") or {}
        rules = scale.get("rules") or []
        if len(rules) != 1 or rules[0].get("type") != "azure-queue":
            kinds = ", ".join(str(rule.get("type")) for rule in rules) or "nothing"
            raise ScaleRuleError(f"scale.rules has {kinds}; allowed is one rule of type azure-queue")
        metadata = rules[0]["metadata"]
        strategy = metadata.get("queueLengthStrategy") or QueueLengthStrategy.ALL.value
        if strategy not in (allowed := [item.value for item in QueueLengthStrategy]):
            raise ScaleRuleError(f"queueLengthStrategy is {strategy!r}; allowed are {', '.join(allowed)}")
        length = str(metadata.get("queueLength") or "5")
        if not length.isdecimal() or int(length) < 1:
            raise ScaleRuleError(f"queueLength is {length!r}; allowed is a whole number from 1")
        return cls(
            account=metadata["accountName"],
            queue=metadata["queueName"],
            messages_each=int(length),
            strategy=QueueLengthStrategy(strategy),
            min_executions=int(scale.get("minExecutions") or 0),
            max_executions=int(scale.get("maxExecutions") or 100),
            polling_seconds=float(scale.get("pollingInterval") or 30),
            seconds=float(inputs["replicaTimeout"]),
        )

    def wanted(self, messages: int, running: int) -> int:
        """Return how many more executions to start, by KEDA's arithmetic: the messages less the running executions.

        That fits if the rule counts leased messages too. If it does not, each running execution cancels a message that
        waits.
        """
        needed = min(math.ceil(messages / self.messages_each), self.max_executions)
        return max(0, self.min_executions - running, needed - running)


@dataclass(frozen=True)
class Ended:
    """The end of an execution. `log_tail` is empty unless it failed."""

    name: str
    exit_code: int
    log_tail: str


class Scaler:
    """Polls the queue, as a context manager. Its end stops the running executions.

    The rule is applied every `polling_seconds`, and at once when the number of messages changes, since a person is
    waiting. `start` is called with an execution's name. At most `cap` executions run at a time, even if the rule wants
    more. Consecutive failures increase the pause before the next start.
    """

    def __init__(
        self,
        rule: ScaleRule,
        queue: QueueClient,
        start: Callable[[str], Process],
        *,
        cap: int = 1,
        listener: Callable[[Ended], None] | None = None,
    ) -> None:
        self._rule = rule
        self._queue = queue
        self._start = start
        self._cap = cap
        self._listener = listener
        self._running: dict[Process, float] = {}
        self._started = 0
        self._messages_before = 0
        self._due = 0.0  # the next time at which the rule is applied, whatever the number of messages
        self._held_back = False
        self._failures = 0
        self._paused_until = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._poll_on, name="scaler", daemon=True)

    @property
    def running(self) -> list[Process]:
        return list(self._running)

    def poll(self) -> None:
        """Look at the executions and the queue once."""
        ended = self._reap()
        now = time.monotonic()
        if now < self._paused_until:
            return
        messages = self._messages()
        unchanged = messages == self._messages_before
        if unchanged and now < self._due and not (ended and self._held_back):
            return
        self._messages_before, self._due = messages, now + self._rule.polling_seconds
        wanted = self._rule.wanted(messages, len(self._running))
        room = self._cap - len(self._running)
        # executions that only this machine's cap holds back do not wait for the rule's next turn
        self._held_back = wanted > room or (self._held_back and not ended)
        for _ in range(min(wanted, room)):
            self._started += 1
            name = f"{self._rule.queue}-{self._started}"
            self._running[self._start(name)] = time.monotonic()

    def stop(self) -> None:
        """Stop all executions. All are asked first, so that they give their messages back in parallel."""
        for process in self._running:
            process.ask_to_stop()
        for process in self._running:
            process.stop()
        self._running.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self.stop()

    def _poll_on(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                self.poll()
            except AzureError as error:
                log.warning("queue %s cannot be read: %s", self._rule.queue, error.message.splitlines()[0])
            except ProcessError as error:
                log.warning("%s", error)
                self._slow_down()
            except Exception:  # an error of the caller's: polling goes on
                log.exception("queue %s: no execution could be started", self._rule.queue)
                self._slow_down()

    def _messages(self) -> int:
        """Count the messages. Visible ones are counted by peeking, which shows 32 at most; beyond that, all are."""
        if self._rule.strategy is QueueLengthStrategy.VISIBLE_ONLY:
            visible = len(self._queue.peek_messages(MOST_PEEKED))
            if visible < MOST_PEEKED:
                return visible
        return self._queue.get_queue_properties().approximate_message_count or 0

    def _reap(self) -> int:
        """Remove ended executions and return their number."""
        before = len(self._running)
        for process, began in list(self._running.items()):
            if process.running and time.monotonic() - began > self._rule.seconds:
                log.warning("%s ran longer than %g s and is ended", process.name, self._rule.seconds)
                process.stop()
            if (code := process.exit_code) is None:
                continue
            del self._running[process]
            tail = process.tail() if code else ""
            if code:
                log.warning("%s ended with exit code %d:\n%s", process.name, code, tail)
                self._slow_down()
            else:
                self._failures = 0
            if self._listener:
                self._listener(Ended(process.name, code, tail))
        return before - len(self._running)

    def _slow_down(self) -> None:
        self._failures += 1
        self._paused_until = time.monotonic() + min(MOST_PAUSE_SECONDS, 2.0 ** (self._failures - 1))
