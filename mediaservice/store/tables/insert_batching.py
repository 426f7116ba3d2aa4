"""Insertions in shared transactions, for bursts."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import HttpResponseError

from mediaservice.store.errors import ExistsError

Operations = Sequence[Any]  # in the form of TableClient.submit_transaction
Submit = Callable[[Operations], Awaitable[list[str]]]  # returns an ETag for each

AT_ONCE = 2  # concurrent transactions: one that hangs does not block all others
MOST_OPERATIONS = 50  # per transaction, of the 100 allowed: larger ones make other requests wait longer
OF_ONE = {400, 409, 413}  # refusals that one insertion may cause for all
MOST_CHARACTERS = 1_000_000  # per transaction, of the 4 MiB allowed


@dataclass
class _Insertion:
    operations: Operations
    done: "asyncio.Future[str]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def characters(self) -> int:
        """The size in a request, where all characters but ASCII are escaped."""
        return sum(len(json.dumps(str(value))) for _, entity, *_ in self.operations for value in entity.values())


class InsertBatching:
    """Lets insertions that wait for a transaction share the next one, if they write to the same partition.

    Most of a transaction's cost is independent of its size. A rejected batch is retried one by one, so that each caller
    gets its own error.
    """

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._waiting: dict[str, deque[_Insertion]] = defaultdict(deque)
        self._running: set[asyncio.Task[None]] = set()

    async def insert(self, partition: str, operations: Operations) -> str:
        """Return the ETag of the first operation's entity. Raises the errors of `submit`."""
        insertion = _Insertion(operations)
        self._waiting[partition].append(insertion)
        self._begin()
        return await insertion.done

    def _begin(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE:
            task = asyncio.create_task(self._transaction(self._next()))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._begin()

    def _next(self) -> list[_Insertion]:
        partition, waiting = next(iter(self._waiting.items()))
        chosen: list[_Insertion] = []
        operations = characters = 0
        while waiting:
            operations += len(waiting[0].operations)
            characters += waiting[0].characters
            if chosen and (operations > MOST_OPERATIONS or characters > MOST_CHARACTERS):
                break
            chosen.append(waiting.popleft())
        del self._waiting[partition]
        if waiting:  # behind the other partitions
            self._waiting[partition] = waiting
        return chosen

    async def _transaction(self, insertions: list[_Insertion]) -> None:
        try:
            etags = iter(await self._submit([each for insertion in insertions for each in insertion.operations]))
        except (ExistsError, HttpResponseError) as refused:
            own = isinstance(refused, ExistsError) or refused.status_code in OF_ONE
            if len(insertions) == 1 or not own:
                _fail(insertions, refused)
            else:
                await asyncio.gather(*(self._transaction([insertion]) for insertion in insertions))
        except Exception as error:
            _fail(insertions, error)
        else:
            for insertion in insertions:
                first, *_ = [next(etags) for _ in insertion.operations]
                if not insertion.done.done():  # the caller may have been canceled
                    insertion.done.set_result(first)


def _fail(insertions: list[_Insertion], error: Exception) -> None:
    for insertion in insertions:
        if not insertion.done.done():
            insertion.done.set_exception(error)
