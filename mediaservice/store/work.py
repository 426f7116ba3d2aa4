"""The queue of jobs. Receiving a message leases its job for as long as the message is invisible."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from mediaservice.settings import Storage
from mediaservice.store.clients import BLOBS_AND_QUEUES, connections, credential
from mediaservice.store.errors import LeaseLostError
from mediaservice.store.tables import schema

FOREVER = -1


@dataclass(frozen=True)
class Ticket:
    """The content of a message.

    With `seen`, it watches a job that another message holds: the value is the job's ETag when the message was deferred,
    or empty. Without it, the message serves any waiting job; see docs/architecture.md. `failed` counts the times that
    Storage has refused the taking of the job, which cannot be counted in the job's own record.
    """

    transform: str
    job: str
    instance: str
    seen: str | None = None
    failed: int = 0

    def text(self) -> str:
        # The first versions would refuse the key.
        marked = {"schema": schema.SCHEMA} if schema.SCHEMA > schema.FIRST else {}
        return json.dumps(self.__dict__ | marked)


@dataclass(frozen=True)
class Lease:
    ticket: Ticket | None  # None: not a message of this service
    message: str
    receipt: str
    text: str
    received: int  # the number of times, this one included
    newer: bool = False  # only a newer version can read it


class Work:
    def __init__(self, jobs: QueueClient, poison: QueueClient) -> None:
        self._jobs = jobs
        self._poison = poison

    async def put(self, ticket: Ticket) -> None:
        await self._jobs.send_message(ticket.text(), time_to_live=FOREVER)

    async def receive(self, lease_seconds: int) -> Lease | None:
        message = await self._jobs.receive_message(visibility_timeout=lease_seconds)
        return _lease(message) if message else None

    async def renew(self, lease: Lease, seconds: int, *, ticket: Ticket | None = None) -> Lease:
        """Make the message invisible for `seconds` from now, 0 to give it back. Raises LeaseLostError."""
        text = ticket.text() if ticket else lease.text
        try:
            renewed = await self._jobs.update_message(
                lease.message, lease.receipt, content=text, visibility_timeout=seconds
            )
        except HttpResponseError as error:
            raise _lost_or(error) from error
        return Lease(ticket or lease.ticket, lease.message, str(renewed.pop_receipt), text, lease.received)

    async def delete(self, lease: Lease) -> None:
        """Delete the record. Raises LeaseLostError."""
        try:
            await self._jobs.delete_message(lease.message, lease.receipt)
        except HttpResponseError as error:
            raise _lost_or(error) from error

    async def copy_to_poison_queue(self, lease: Lease) -> None:
        """Copy the message to the poison queue."""
        await self._poison.send_message(lease.text, time_to_live=FOREVER)

    async def count(self) -> int:
        """Return the approximate number of messages, with invisible ones."""
        return int((await self._jobs.get_queue_properties()).approximate_message_count or 0)


@asynccontextmanager
async def open_work(storage: Storage) -> AsyncIterator[Work]:
    async with AsyncExitStack() as stack:
        identity = await stack.enter_async_context(credential(storage))
        pool = await stack.enter_async_context(connections())

        async def queue(name: str) -> QueueClient:
            client = QueueClient(storage.queue_endpoint, name, credential=identity, transport=pool, **BLOBS_AND_QUEUES)
            return await stack.enter_async_context(client)

        yield Work(await queue(storage.jobs_queue), await queue(storage.poison_queue))


def _lease(message: QueueMessage) -> Lease:
    text = str(message.content)
    ticket, newer = _read(text)
    return Lease(ticket, str(message.id), str(message.pop_receipt), text, int(message.dequeue_count or 1), newer)


def _read(text: str) -> tuple[Ticket | None, bool]:
    """Return the ticket, or None, and if a newer version has written the message."""
    try:
        content = json.loads(text)
        if schema.is_newer(content, "schema"):
            return None, True
        content.pop("schema", None)
        return Ticket(**content), False
    except (ValueError, TypeError, AttributeError):
        return None, False


def _lost_or(error: Exception) -> Exception:
    lost = getattr(error, "error_code", None) in ("PopReceiptMismatch", "MessageNotFound")
    return LeaseLostError() if lost else error
