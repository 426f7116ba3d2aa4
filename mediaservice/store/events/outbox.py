"""Events that are written but not yet known to be published."""

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
# Rows younger than this are still being published by the process that wrote them.
OVERDUE = timedelta(seconds=30)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """The events of one change, and where they lie until they are published."""

    partition: str
    key: str
    events: tuple[Event, ...]


class _Sent(Enum):
    YES = auto()
    REFUSED = auto()  # these events; others may be taken
    NO = auto()


class Outbox:
    """In the jobs' table, whose transactions cannot span two."""

    def __init__(self, client: TableClient, topic: Topic) -> None:
        self._client = client
        self._table = EntityTable(client, TypeAdapter(tuple[Event, ...]))
        self._topic = topic
        self._sending: set[asyncio.Task[_Sent]] = set()

    def letter(self, former: Job, job: Job) -> Letter | None:
        events = events_of(former, job)
        if not events:
            return None
        return Letter(keys.of_name(job.transform), keys.outbox(job.last_modified, events[0].id), events)

    def row(self, letter: Letter) -> dict[str, Any]:
        rows: Rows[tuple[Event, ...]] = Rows(letter.partition, letter.key, frozenset(), {}, ())
        return self._table.entity(rows, letter.key, _folded(letter.events))

    def send(self, letter: Letter) -> None:
        """In the background; what fails stays for `send_overdue`."""
        task = asyncio.create_task(self._send(letter))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def send_overdue(self, transforms: Iterable[str], overdue: timedelta = OVERDUE) -> int:
        """How many changes were published that a crash or an unreachable topic had left."""
        within = Range("e|", keys.outbox(datetime.now(UTC) - overdue, ""))
        sent = 0
        for transform in transforms:
            partition = keys.of_name(transform)
            async for key, events in self._table.read(partition, within, PAGE):
                match await self._send(Letter(partition, key, _unfolded(events))):
                    case _Sent.YES:
                        sent += 1
                    case _Sent.NO:
                        return sent
        return sent

    async def holds(self, transform: str) -> bool:
        """Whether events of the transform's jobs are not known to be published yet."""
        within = Range("e|", f"e{keys.END}")
        return await self._table.first(keys.of_name(transform), within) is not None

    async def close(self) -> None:
        if self._sending:
            await asyncio.wait(self._sending, timeout=CLOSING_SECONDS)

    async def _send(self, letter: Letter) -> _Sent:
        try:
            await self._topic.publish(letter.events)
            await self._client.delete_entity(letter.partition, letter.key)
        except EventsRefusedError as error:
            log.error("events refused; they stay where they are", extra={"row": letter.key, "reason": str(error)})
            return _Sent.REFUSED
        except Exception as error:
            log.warning("events not published; they will be tried again", extra={"reason": repr(error)})
            return _Sent.NO
        return _Sent.YES


def _folded(events: Sequence[Event]) -> tuple[Event, ...]:
    """With the correlation data, which may be large and is the same in all, in the first of them only."""
    first, *others = events
    return (first, *(replace(each, data=each.data | dict.fromkeys(CORRELATION & set(each.data))) for each in others))


def _unfolded(events: Sequence[Event]) -> tuple[Event, ...]:
    first = events[0].data
    correlation = next(first[key] for key in first if key in CORRELATION)
    return tuple(
        replace(each, data={key: correlation if key in CORRELATION else value for key, value in each.data.items()})
        for each in events
    )
