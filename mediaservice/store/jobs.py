"""Jobs' records, one partition for each transform."""

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
from mediaservice.store.errors import TooLargeError, is_refusal
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
LIFE = (*UNFINISHED, *FINAL)  # what follows stands behind
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
        self.stored = 0  # as last counted, and those inserted by this process since

    async def get(self, transform: str, name: str) -> Stored[Job] | None:
        return await self._table.get(keys.of_name(transform), keys.by_name(name))

    def check(self, job: Job) -> None:
        """Raises TooLargeError when there is no room for it and what may be added to it."""
        self._table.check(_rows(job), job)
        begun, ended = growth.largest(job)
        letter = self.outbox and self.outbox.letter(begun, ended)
        self._table.check(_rows(ended), ended, self.outbox.row(letter) if self.outbox and letter else None)

    async def insert(self, job: Job) -> Stored[Job]:
        """Raises ExistsError."""
        stored = await self._table.insert(_rows(job), job)
        self.stored += 1
        return stored

    async def replace(self, former: Stored[Job], job: Job) -> Stored[Job]:
        """Raises ChangedError, and TooLargeError unless the job ends by it: then what does not fit is left out.

        Events tell of it, if the deployment has a topic for them.
        """
        try:
            stored = await self._replace(former, job)
        except (TooLargeError, HttpResponseError) as error:
            if not (job.state.final and is_refusal(error)):
                raise
            log.warning("a job's record is cut", extra={"job": job.name, "reason": str(error)})
            stored = await self._replace(Stored(growth.shorn(former.value), former.etag), growth.shorn(job))
        if job.state.final:
            telemetry.record(telemetry.ENDED, 1, state=job.state)
        return stored

    async def set_aside(self, job: Job) -> None:
        """Others than those that name it do not come to the job any more: Storage refuses to have it taken."""
        key = {"PartitionKey": keys.of_name(job.transform), "RowKey": keys.set_aside(job.name)}
        await self._client.upsert_entity({**key, "Instance": job.instance})

    async def forget_set_aside(self, transform: str, name: str) -> None:
        await self._client.delete_entity(keys.of_name(transform), keys.set_aside(name))

    async def _replace(self, former: Stored[Job], job: Job) -> Stored[Job]:
        letter = self.outbox and self.outbox.letter(former.value, job)
        if not self.outbox or not letter:
            return await self._table.replace(_rows(former.value), former.etag, _rows(job), job)
        row = self.outbox.row(letter)
        stored = await self._table.replace(_rows(former.value), former.etag, _rows(job), job, row)
        self.outbox.send(letter)
        return stored

    async def delete(self, job: Stored[Job]) -> None:
        """Raises ChangedError."""
        await self._table.delete(_rows(job.value), job.etag)

    async def page(self, transform: str, query: Query) -> Page[Job]:
        return await list_page(self._table, keys.of_name(transform), query, COLUMNS, (BY_STATE,))

    async def unfinished(self, transform: str) -> AsyncIterator[Job]:
        """As lists show them: without the input's address."""
        for state in UNFINISHED:
            within = Range(f"s|{state}|", f"s|{state}{keys.END}")
            async for _, job in self._table.read(keys.of_name(transform), within, PAGE_SIZE):
                yield job

    async def over_before(self, transform: str, latest: datetime) -> AsyncIterator[Job]:
        """Those in a final state that were created before `latest`."""
        for state in FINAL:
            within = Range(f"s|{state}|{keys.inverted(latest)}", f"s|{state}{keys.END}")
            async for _, job in self._table.read(keys.of_name(transform), within, PAGE_SIZE):
                yield job

    async def recount(self, transforms: Iterable[str]) -> None:
        self.stored = sum([await self._table.count(keys.of_name(name), EVERY) for name in transforms])

    async def next_waiting(self, transforms: Iterable[str]) -> Stored[Job] | None:
        """The queued job of the highest priority, of those the oldest."""
        partitions = {keys.of_name(name) for name in transforms}
        while True:
            firsts = await asyncio.gather(*(self._first_waiting(partition) for partition in partitions))
            found = [job for job in firsts if job]
            if not found:
                return None
            best = min(found, key=lambda job: (job.priority.rank, job.created))
            stored = await self.get(best.transform, best.name)
            if stored and stored.value.state is JobState.QUEUED:
                return stored
            # taken or canceled in between; others may wait behind it

    async def _first_waiting(self, partition: str) -> Job | None:
        waiting, aside = await asyncio.gather(self._table.first(partition, WAITING), self._aside(partition))
        if not waiting or waiting.instance not in aside:
            return waiting
        async for _, job in self._table.read(partition, WAITING, PAGE_SIZE):
            if job.instance not in aside:
                return job
        return None

    async def _aside(self, partition: str) -> set[str]:
        """Instances of the jobs that were set aside."""
        return {instance async for _, instance in self._table.keys(partition, ASIDE, "Instance")}

    async def all(self, transform: str) -> AsyncIterator[Job]:
        async for _, job in self._table.read(keys.of_name(transform), EVERY, PAGE_SIZE):
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
