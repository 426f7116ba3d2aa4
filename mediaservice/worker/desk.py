"""Decides what a message means: a job to do, to take over, to end, to put off, or nothing any more."""

import asyncio
import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from mediaservice.model import states
from mediaservice.model.jobs import Job, JobState
from mediaservice.settings import Work
from mediaservice.store.account import Store
from mediaservice.store.errors import ChangedError, LeaseLostError
from mediaservice.store.table import Stored
from mediaservice.store.work import Lease
from mediaservice.worker.execution import Execution
from mediaservice.worker.holding import CancelRequestedError, Holding
from mediaservice.worker.outputs import Outputs

# A message may be read a moment before its job is written. It is put off for 1, 2, 4, 8 and 16 s, then dropped.
ORPHAN_SECONDS = 0.2
ORPHAN_TRIES = 6
RETRY_SECONDS = 30  # until a job whose attempt failed for no fault of its own is tried again
log = logging.getLogger(__name__)


class Desk:
    def __init__(self, store: Store, settings: Work, stopping: asyncio.Event) -> None:
        self._store = store
        self._settings = settings
        self._stopping = stopping

    async def handle(self, lease: Lease) -> None:
        """Never raises for the job's sake: whatever happens, the message or the sweep brings it back."""
        try:
            await self._handle(lease)
        except LeaseLostError:
            log.warning("lost the job to another worker", extra=_about(lease))
        except Exception:
            log.exception("the attempt failed; the job will be tried again", extra=_about(lease))
            await self._retry_later(lease)

    async def _handle(self, lease: Lease) -> None:
        work = self._store.work
        ticket = lease.ticket
        if ticket is None:
            log.error("a message that is none of ours goes to the poison queue", extra=_about(lease))
            await work.keep_for_people(lease)
            await work.delete(lease)
            return
        stored = await self._store.jobs.get(ticket.transform, ticket.job)
        if not stored:
            await asyncio.sleep(ORPHAN_SECONDS)
            stored = await self._store.jobs.get(ticket.transform, ticket.job)
        if not stored:
            await self._put_off(lease)
        elif stored.value.instance != ticket.instance or stored.value.state.final:
            await work.delete(lease)
        elif _held_by_other(stored, lease):
            await work.renew(lease, self._settings.lease_seconds, ticket=replace(ticket, seen=stored.etag))
        else:
            await self._take(stored, lease)

    async def _put_off(self, lease: Lease) -> None:
        if lease.received < ORPHAN_TRIES:
            await self._store.work.renew(lease, 2 ** (lease.received - 1))
        else:
            log.info("dropped a message without a job", extra=_about(lease))
            await self._store.work.delete(lease)

    async def _take(self, stored: Stored[Job], lease: Lease) -> None:
        holder = str(uuid.uuid4())
        taken = states.take(stored.value, holder=holder, message=lease.message, now=datetime.now(UTC))
        try:
            holding = Holding(self._store.jobs, await self._store.jobs.replace(stored, taken), holder)
        except ChangedError:
            await self._handle(lease)  # canceled, or taken by way of another message: look again
            return
        number = holding.attempt.number
        log.info("job taken", extra=_about(lease) | {"attempt": number})
        outputs = Outputs(self._store.containers, self._store.assets)
        if taken.state is JobState.CANCELING:
            await outputs.withdraw(holding)
            await holding.write(states.canceled, canceling=True)
        elif number > self._settings.max_attempts:
            await self._give_up(holding, outputs, lease)
        else:
            execution = Execution(self._store, self._settings, outputs, holding, lease, self._stopping)
            lease = await execution.run()
            if not holding.job.state.final:
                await self._store.work.renew(lease, 0)
                log.info("job given back", extra=_about(lease))
                return
        log.info("job over", extra=_about(lease) | {"state": holding.job.state})
        await self._store.work.delete(lease)

    async def _give_up(self, holding: Holding, outputs: Outputs, lease: Lease) -> None:
        """The attempt that is one too many only ends the job, unless an earlier one had all but finished it."""
        try:
            while (index := states.next_output(holding.job)) is not None:
                if not await outputs.adopt(holding, index):
                    break
            if index is None:
                await holding.write(states.conclude)
                return
            attempts = self._settings.max_attempts
            log.error("job given up", extra=_about(lease) | {"attempts": attempts})
            await outputs.withdraw(holding)
            await self._store.work.keep_for_people(lease)
            await holding.write(lambda job, now: states.exhaust(job, attempts, now))
        except CancelRequestedError:
            await outputs.withdraw(holding)
            await holding.write(states.canceled, canceling=True)

    async def _retry_later(self, lease: Lease) -> None:
        try:
            await self._store.work.renew(lease, min(RETRY_SECONDS, self._settings.lease_seconds))
        except Exception:
            log.warning("the message comes back by itself", extra=_about(lease))


def _held_by_other(stored: Stored[Job], lease: Lease) -> bool:
    """By a worker that came by another message and has written since this message was put off."""
    attempt = stored.value.attempt
    if stored.value.state is JobState.QUEUED or attempt is None or attempt.holder is None:
        return False
    return attempt.message != lease.message and (lease.ticket is None or lease.ticket.seen != stored.etag)


def _about(lease: Lease) -> dict[str, object]:
    ticket = lease.ticket
    about: dict[str, object] = {"queueMessage": lease.message, "received": lease.received}
    return about | ({"transform": ticket.transform, "job": ticket.job} if ticket else {})
