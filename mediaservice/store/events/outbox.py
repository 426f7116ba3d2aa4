"""The outbox: events that are written but not known to be published."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter

from mediaservice.model.job_events import CORRELATION, Event, events_of
from mediaservice.model.jobs import Job
from mediaservice.store.events.topic import EventsRefusedError, Topic
from mediaservice.store.tables import keys
from mediaservice.store.tables.table import EntityTable, Range, Rows

PAGE = 100
CLOSING_SECONDS = 10.0
# Younger rows are still being published by the process that wrote them.
OVERDUE = timedelta(seconds=30)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OutboxRow:
    """The events of one change, with the key of their row."""

    partition: str
    key: str
    events: tuple[Event, ...]


class _Sent(Enum):
    YES = auto()
    REFUSED = auto()  # others may still be accepted
    NO = auto()


class Outbox:
    """The outbox, in the jobs' table, since transactions cannot span tables."""

    def __init__(self, client: TableClient, topic: Topic) -> None:
        self._client = client
        self._table = EntityTable(client, TypeAdapter(tuple[Event, ...]))
        self._topic = topic
        self._sending: set[asyncio.Task[_Sent]] = set()

    def entry(self, former: Job, job: Job) -> OutboxRow | None:
        events = events_of(former, job)
        if not events:
            return None
        return OutboxRow(keys.of_name(job.transform), keys.outbox(job.last_modified, events[0].id), events)

    def row(self, entry: OutboxRow) -> dict[str, Any]:
        rows: Rows[tuple[Event, ...]] = Rows(entry.partition, entry.key, frozenset(), {}, ())
        return self._table.entity(rows, entry.key, _folded(entry.events))

    def send(self, entry: OutboxRow) -> None:
        """Publish in the background. Events of a failure stay for `send_overdue`."""
        task = asyncio.create_task(self._send(entry))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def send_overdue(self, transforms: Iterable[str], overdue: timedelta = OVERDUE) -> int:
        """Publish events that a crash or an unreachable topic has left. Return the number of changes published."""
        within = Range("e|", keys.outbox(datetime.now(UTC) - overdue, ""))
        sent = 0
        for transform in transforms:
            partition = keys.of_name(transform)
            async for key, events in self._table.read(partition, within, PAGE):
                match await self._send(OutboxRow(partition, key, _unfolded(events))):
                    case _Sent.YES:
                        sent += 1
                    case _Sent.NO:
                        return sent
        return sent

    async def holds(self, transform: str) -> bool:
        """Return True if events of the transform's jobs are not known to be published."""
        within = Range("e|", f"e{keys.END}")
        return await self._table.first(keys.of_name(transform), within) is not None

    async def close(self) -> None:
        if self._sending:
            await asyncio.wait(self._sending, timeout=CLOSING_SECONDS)

    async def _send(self, entry: OutboxRow) -> _Sent:
        try:
            await self._topic.publish(entry.events)
            await self._client.delete_entity(entry.partition, entry.key)
        except EventsRefusedError as error:
            log.error("events refused; they stay where they are", extra={"row": entry.key, "reason": str(error)})
            return _Sent.REFUSED
        except Exception as error:
            log.warning("events not published; they will be tried again", extra={"reason": repr(error)})
            return _Sent.NO
        return _Sent.YES


def _folded(events: Sequence[Event]) -> tuple[Event, ...]:
    """Keep the correlation data, which may be large and is the same in all events, in the first only."""
    first, *others = events
    return (first, *(replace(each, data=each.data | dict.fromkeys(CORRELATION & set(each.data))) for each in others))


def _unfolded(events: Sequence[Event]) -> tuple[Event, ...]:
    first = events[0].data
    correlation = next(first[key] for key in first if key in CORRELATION)
    return tuple(
        replace(each, data={key: correlation if key in CORRELATION else value for key, value in each.data.items()})
        for each in events
    )
