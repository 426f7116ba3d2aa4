"""Handles a message: its job is started, taken over, ended or deferred, or the message is obsolete.

docs/architecture.md has the rules by which a message serves a more urgent job than its own.
"""

import asyncio
import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from azure.core.exceptions import HttpResponseError

from mediaservice import telemetry
from mediaservice.model import states
from mediaservice.model.jobs import Job, JobState
from mediaservice.settings import Work
from mediaservice.store.account import Store
from mediaservice.store.errors import ChangedError, LeaseLostError, NewerSchemaError, TooLargeError, is_refusal
from mediaservice.store.tables.table import Stored
from mediaservice.store.work import Lease, Ticket
from mediaservice.worker.execution import Execution
from mediaservice.worker.held_job import CancelRequestedError, HeldJob
from mediaservice.worker.outputs import Outputs

# A message may be read a moment before its job is written. It is deferred for 1, 2, 4, 8 and 16 s, then deleted.
ORPHAN_SECONDS = 0.2
ORPHAN_TRIES = 6
RETRY_SECONDS = 30  # until the next attempt after a failure that is not the job's
log = logging.getLogger(__name__)


class MessageHandler:
    def __init__(self, store: Store, settings: Work, stopping: asyncio.Event) -> None:
        self._store = store
        self._settings = settings
        self._stopping = stopping

    async def handle(self, lease: Lease) -> None:
        """Handle one message. Errors are logged, not raised: the message or the sweep brings the job back."""
        message = HandledMessage(self._store, self._settings, self._stopping, lease)
        try:
            await message.run()
        except LeaseLostError:
            log.warning("lost the job to another worker", extra=_about(message.lease))
        except NewerSchemaError:
            await self._leave(message.lease)
        except Exception:
            log.exception("the attempt failed; the job will be tried again", extra=_about(message.lease))
            await self._retry_later(message.lease)

    async def _leave(self, lease: Lease) -> None:
        """Leave a newer version's job or message to workers of that version. No attempt is counted."""
        log.warning("left to a newer version", extra=_about(lease))
        await self._retry_later(lease)

    async def _retry_later(self, lease: Lease) -> None:
        try:
            await self._store.work.renew(lease, min(RETRY_SECONDS, self._settings.lease_seconds))
        except Exception:
            log.warning("the message comes back by itself", extra=_about(lease))


class HandledMessage:
    """One message, from its receipt until it is deleted, deferred or given back."""

    def __init__(self, store: Store, settings: Work, stopping: asyncio.Event, lease: Lease) -> None:
        self._store = store
        self._settings = settings
        self._stopping = stopping
        self.lease = lease  # as last renewed

    async def run(self) -> None:
        """Settle the message. Raises NewerSchemaError if only a newer version can."""
        if self.lease.newer:
            raise NewerSchemaError
        if self.lease.ticket is None:
            log.error("a message of another kind goes to the poison queue", extra=_about(self.lease))
            await self._store.work.copy_to_poison_queue(self.lease)
            await self._store.work.delete(self.lease)
            return
        while chosen := await self._choose(self.lease.ticket):
            if await self._take(chosen):
                return

    async def _choose(self, ticket: Ticket) -> Stored[Job] | None:
        """Return the job to work on, or None if the message has been settled without one."""
        jobs = self._store.jobs
        stored = await jobs.get(ticket.transform, ticket.job)
        if not stored:
            await asyncio.sleep(ORPHAN_SECONDS)
            stored = await jobs.get(ticket.transform, ticket.job)
        if not stored and self.lease.received < ORPHAN_TRIES:
            await self._defer(2 ** (self.lease.received - 1), ticket)
            return None
        if stored and stored.newer:
            best = await self._next_waiting(ticket) if stored.value.state is JobState.QUEUED else None
            if best:
                return await self._turn_to(best)
            raise NewerSchemaError
        over = not stored or stored.value.instance != ticket.instance or stored.value.state.final
        held = stored is not None and not over and _held_by_other(stored, self.lease)
        # a job that was set aside is left to the message that names it
        waits = stored is not None and not over and stored.value.state is JobState.QUEUED and not ticket.failed
        if over and ticket.failed:
            await jobs.forget_set_aside(ticket.transform, ticket.job)
        if over or waits or (held and ticket.seen is None):
            best = await self._next_waiting(ticket)
            if best:
                return await self._turn_to(best)
        if over:
            await self._store.work.delete(self.lease)
        elif held and stored:
            await self._defer(self._settings.lease_seconds, replace(ticket, seen=stored.etag))
        else:
            return stored
        return None

    async def _next_waiting(self, ticket: Ticket) -> Stored[Job] | None:
        return await self._store.jobs.next_waiting([*await self._store.transforms.names(), ticket.transform])

    async def _turn_to(self, best: Stored[Job]) -> Stored[Job]:
        """Name a job in the message before it is taken, so that the message brings it back if this process dies.

        The message is renewed even if it already names the job. If its lease had expired, another worker could turn it
        to a third job, and no message would be left for this one.
        """
        named = Ticket(best.value.transform, best.value.name, best.value.instance)
        self.lease = await self._store.work.renew(self.lease, self._settings.lease_seconds, ticket=named)
        return best

    async def _defer(self, seconds: int, ticket: Ticket) -> None:
        self.lease = await self._store.work.renew(self.lease, seconds, ticket=ticket)

    async def _take(self, stored: Stored[Job]) -> bool:
        """Take the job and work on it. Return False if another worker was faster, True if the message is settled."""
        holder = str(uuid.uuid4())
        taken = states.take(stored.value, holder=holder, message=self.lease.message, now=datetime.now(UTC))
        try:
            async with asyncio.timeout(self._settings.lease_seconds * 2 / 3):  # while the message is surely ours
                held_job = HeldJob(self._store.jobs, await self._store.jobs.replace(stored, taken), holder)
        except ChangedError:
            return False  # canceled, or taken by another message
        except (TooLargeError, HttpResponseError) as error:
            if not is_refusal(error):
                raise
            await self._set_aside(stored, str(error))
            return True
        number = held_job.attempt.number
        log.info("job taken", extra=_about(self.lease) | {"attempt": number})
        outputs = Outputs(self._store.containers, self._store.assets)
        if taken.state is JobState.CANCELING:
            await outputs.withdraw(held_job)
            await held_job.write(states.canceled, canceling=True)
        elif number > self._settings.max_attempts:
            await self._give_up(held_job, outputs)
        else:
            await self._execute(held_job, outputs)
            if not held_job.job.state.final:
                await self._store.work.renew(self.lease, 0)
                log.info("job given back", extra=_about(self.lease))
                return True
        log.info("job over", extra=_about(self.lease) | end_fields(held_job.job))
        await self._store.work.delete(self.lease)
        return True

    async def _set_aside(self, stored: Stored[Job], reason: str) -> None:
        """Let other jobs go ahead of one that Storage refuses to have taken, and count the refusals in the message."""
        job, ticket, attempts = stored.value, self.lease.ticket, self._settings.max_attempts
        assert ticket, "a job comes by a ticket"
        failed = ticket.failed + 1
        log.error("a job cannot be taken", extra=_about(self.lease) | {"failed": failed, "reason": reason})
        if failed < attempts:
            await self._store.jobs.set_aside(job)
            await self._defer(min(RETRY_SECONDS, self._settings.lease_seconds), replace(ticket, failed=failed))
            return
        now = datetime.now(UTC)
        if job.state is JobState.CANCELING:
            ended = states.canceled(job, now)
        else:
            ended = states.give_up(job, "The job's record cannot be written.", f"attempts: {attempts}", now)
        await self._store.work.copy_to_poison_queue(self.lease)
        await self._store.jobs.replace(stored, ended)
        if ticket.failed:
            await self._store.jobs.forget_set_aside(job.transform, job.name)
        await self._store.work.delete(self.lease)

    async def _execute(self, held_job: HeldJob, outputs: Outputs) -> None:
        job, number = held_job.job, held_job.attempt.number
        if number == 1:
            telemetry.record(telemetry.WAIT_SECONDS, (datetime.now(UTC) - job.created).total_seconds())
        with telemetry.span(
            "job", telemetry.Kind.MESSAGE, transform=job.transform, job=job.name, attempt=number
        ) as span:
            execution = Execution(self._store, self._settings, outputs, held_job, self.lease, self._stopping)
            self.lease = await execution.run()
            span.add(state=held_job.job.state)
            if held_job.job.state is JobState.ERROR:
                span.fail()

    async def _give_up(self, held_job: HeldJob, outputs: Outputs) -> None:
        """End a job that has used up its attempts, unless an earlier one has published all outputs."""
        try:
            while (index := states.next_output(held_job.job)) is not None:
                if not await outputs.adopt(held_job, index):
                    break
            if index is None:
                await held_job.write(states.conclude)
                return
            attempts = self._settings.max_attempts
            log.error("job given up", extra=_about(self.lease) | {"attempts": attempts})
            await outputs.withdraw(held_job)
            await self._store.work.copy_to_poison_queue(self.lease)
            await held_job.write(lambda job, now: states.exhaust(job, attempts, now))
        except CancelRequestedError:
            await outputs.withdraw(held_job)
            await held_job.write(states.canceled, canceling=True)


def _held_by_other(stored: Stored[Job], lease: Lease) -> bool:
    """Return True if a worker with another message has written since this message was deferred."""
    attempt = stored.value.attempt
    if stored.value.state is JobState.QUEUED or attempt is None or attempt.holder is None:
        return False
    return attempt.message != lease.message and (lease.ticket is None or lease.ticket.seen != stored.etag)


def _about(lease: Lease) -> dict[str, object]:
    ticket = lease.ticket
    about: dict[str, object] = {"queueMessage": lease.message, "received": lease.received}
    return about | ({"transform": ticket.transform, "job": ticket.job} if ticket else {})


def end_fields(job: Job) -> dict[str, object]:
    """Return a job's outcome for alerts and the overview page, with seconds since its submission and its start."""
    about: dict[str, object] = {"state": job.state, "source": job.correlation_data.get("source")}
    if job.end_time:
        about["totalSeconds"] = round((job.end_time - job.created).total_seconds(), 1)
        if job.start_time:
            about["seconds"] = round((job.end_time - job.start_time).total_seconds(), 1)
    error = next((output.error for output in job.outputs if output.error), None)
    return about | ({"code": error.code, "reason": error.message} if error else {})
