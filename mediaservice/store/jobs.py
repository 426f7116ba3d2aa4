"""Jobs' records, one partition per transform."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError
from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter

from mediaservice import telemetry
from mediaservice.model import growth
from mediaservice.model.jobs import Job, JobState
from mediaservice.model.query import Query
from mediaservice.store.errors import NewerSchemaError, TooLargeError, is_refusal
from mediaservice.store.tables import keys
from mediaservice.store.tables.listing import PAGE_SIZE, Index, Page, list_page
from mediaservice.store.tables.table import EntityTable, Range, Rows, Stored

if TYPE_CHECKING:
    from mediaservice.store.events.outbox import Outbox

COLUMNS = {
    "name": "Name",
    "properties/created": "Created",
    "properties/lastModified": "LastModified",
    "properties/state": "State",
}
UNFINISHED = (JobState.QUEUED, JobState.SCHEDULED, JobState.PROCESSING, JobState.CANCELING)
FINAL = tuple(state for state in JobState if state.final)
LIFE = (*UNFINISHED, *FINAL)  # in the order of a job's life
BY_STATE = Index("properties/state", lambda state: f"s|{state}", newest_first=True, values=LIFE)
WAITING = Range("w|", f"w{keys.END}")
EVERY = Range("c|", f"c{keys.END}")
ASIDE = Range("f|", f"f{keys.END}")
log = logging.getLogger(__name__)


class Jobs:
    def __init__(self, client: TableClient, outbox: "Outbox | None" = None) -> None:
        self.outbox = outbox
        self._client = client
        self._table = EntityTable(client, TypeAdapter(Job))
        self.stored = 0  # as last counted, plus the insertions of this process since

    async def get(self, transform: str, name: str) -> Stored[Job] | None:
        return await self._table.get(keys.of_name(transform), keys.by_name(name))

    def check(self, job: Job) -> None:
        """Raise TooLargeError if there is no room for the job and for later additions."""
        self._table.check(_rows(job), job)
        begun, ended = growth.largest(job)
        entry = self.outbox and self.outbox.entry(begun, ended)
        self._table.check(_rows(ended), ended, self.outbox.row(entry) if self.outbox and entry else None)

    async def insert(self, job: Job) -> Stored[Job]:
        """Insert the record. Raises ExistsError."""
        stored = await self._table.insert(_rows(job), job)
        self.stored += 1
        return stored

    async def replace(self, former: Stored[Job], job: Job) -> Stored[Job]:
        """Replace a record, with events if the deployment has a topic for them.

        Raises ChangedError, NewerSchemaError, and TooLargeError unless the job ends: then texts that do not
        fit are left out.
        """
        try:
            stored = await self._replace(former, job)
        except (TooLargeError, HttpResponseError) as error:
            if not (job.state.final and is_refusal(error)):
                raise
            log.warning("a job's record is cut", extra={"job": job.name, "reason": str(error)})
            stored = await self._replace(replace(former, value=growth.reduced(former.value)), growth.reduced(job))
        if job.state.final:
            telemetry.record(telemetry.ENDED, 1, state=job.state)
        return stored

    async def set_aside(self, job: Job) -> None:
        """Reserve a job that Storage refuses to have taken for the messages that name it."""
        key = {"PartitionKey": keys.of_name(job.transform), "RowKey": keys.set_aside(job.name)}
        await self._client.upsert_entity({**key, "Instance": job.instance})

    async def forget_set_aside(self, transform: str, name: str) -> None:
        await self._client.delete_entity(keys.of_name(transform), keys.set_aside(name))

    async def _replace(self, former: Stored[Job], job: Job) -> Stored[Job]:
        entry = self.outbox and self.outbox.entry(former.value, job)
        if not self.outbox or not entry:
            return await self._table.replace(_rows(former.value), former, _rows(job), job)
        row = self.outbox.row(entry)
        stored = await self._table.replace(_rows(former.value), former, _rows(job), job, row)
        self.outbox.send(entry)
        return stored

    async def delete(self, job: Stored[Job]) -> None:
        """Delete the record. Raises ChangedError and NewerSchemaError."""
        await self._table.delete(_rows(job.value), job)

    async def page(self, transform: str, query: Query) -> Page[Job]:
        return await list_page(self._table, keys.of_name(transform), query, COLUMNS, (BY_STATE,))

    async def unfinished(self, transform: str) -> AsyncIterator[Job]:
        """Yield unfinished jobs in the form of lists, without their inputs' addresses."""
        for state in UNFINISHED:
            within = Range(f"s|{state}|", f"s|{state}{keys.END}")
            async for _, job in self._table.read(keys.of_name(transform), within, PAGE_SIZE):
                yield job

    async def over_before(self, transform: str, latest: datetime) -> AsyncIterator[Job]:
        """Yield jobs in a final state that were created before `latest`."""
        for state in FINAL:
            within = Range(f"s|{state}|{keys.inverted(latest)}", f"s|{state}{keys.END}")
            async for _, job in self._table.read(keys.of_name(transform), within, PAGE_SIZE):
                yield job

    async def recount(self, transforms: Iterable[str]) -> None:
        self.stored = sum([await self._table.count(keys.of_name(name), EVERY) for name in transforms])

    async def next_waiting(self, transforms: Iterable[str]) -> Stored[Job] | None:
        """Return the oldest queued job of the highest priority, of those that this version may change.

        Raises NewerSchemaError if none of these waits, but one that a newer version has written does.
        """
        partitions = {keys.of_name(name) for name in transforms}
        while True:
            firsts = await asyncio.gather(
                *(self._first_waiting(partition) for partition in partitions), return_exceptions=True
            )
            errors = [each for each in firsts if isinstance(each, BaseException)]
            for error in errors:
                if not isinstance(error, NewerSchemaError):
                    raise error
            found = [job for job in firsts if isinstance(job, Job)]
            if not found and errors:
                raise NewerSchemaError
            if not found:
                return None
            best = min(found, key=lambda job: (job.priority.rank, job.created))
            stored = await self.get(best.transform, best.name)
            if stored and stored.value.state is JobState.QUEUED and not stored.newer:
                return stored
            # taken or canceled meanwhile; others may wait behind it

    async def _first_waiting(self, partition: str) -> Job | None:
        waiting, aside = await asyncio.gather(self._table.first(partition, WAITING, own=True), self._aside(partition))
        if not waiting or waiting.instance not in aside:
            return waiting
        async for _, job in self._table.read(partition, WAITING, PAGE_SIZE, own=True):
            if job.instance not in aside:
                return job
        return None

    async def _aside(self, partition: str) -> set[str]:
        """Return the instances of the jobs that were set aside."""
        return {instance async for _, instance in self._table.keys(partition, ASIDE, "Instance")}

    async def all(self, transform: str) -> AsyncIterator[Job]:
        """Yield all jobs. Raises NewerSchemaError if only a newer version can read one."""
        async for _, job in self._table.read(keys.of_name(transform), EVERY, PAGE_SIZE, strict=True):
            yield job


def _rows(job: Job) -> Rows[Job]:
    copies = {
        keys.newest_first("c", job.created, job.name),
        keys.oldest_first("o", job.created, job.name),
        keys.newest_first(f"s|{job.state}", job.created, job.name),
    }
    if job.state is JobState.QUEUED:
        copies.add(keys.oldest_first(f"w|{job.priority.rank}", job.created, job.name))
    return Rows(
        partition=keys.of_name(job.transform),
        key=keys.by_name(job.name),
        copies=frozenset(copies),
        columns={
            "Name": keys.of_name(job.name),
            "State": job.state.value,
            "Created": keys.straight(job.created),
            "LastModified": keys.straight(job.last_modified),
        },
        listed=replace(job.without_addresses(), attempt=None),
    )
