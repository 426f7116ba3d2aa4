"""Insertions that come faster than one by one."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import HttpResponseError

from mediaservice.store.errors import ExistsError

Operations = Sequence[Any]  # as TableClient.submit_transaction takes them
Submit = Callable[[Operations], Awaitable[list[str]]]  # gives an ETag for each

AT_ONCE = 2  # transactions under way before others are gathered: one that hangs does not hold up all
MOST_OPERATIONS = 50  # in a transaction, which may have 100: the larger, the longer everything else waits
OF_ONE = {400, 409, 413}  # refusals that are one insertion's fault, and may not be the others'
MOST_CHARACTERS = 1_000_000  # in the same, which may hold 4 MiB


@dataclass
class _Insertion:
    operations: Operations
    done: "asyncio.Future[str]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def characters(self) -> int:
        """As many as they are in a request, where all but ASCII is escaped."""
        return sum(len(json.dumps(str(value))) for _, entity, *_ in self.operations for value in entity.values())


class InsertBatching:
    """Those who wait for a transaction to begin share it, if they write to the same partition.

    Most of a transaction's cost does not depend on how much it writes. One that is refused for what it writes is done
    again by each alone, so that everybody is told of his own.
    """

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._waiting: dict[str, deque[_Insertion]] = defaultdict(deque)
        self._running: set[asyncio.Task[None]] = set()

    async def insert(self, partition: str, operations: Operations) -> str:
        """The ETag of what the first operation wrote. Raises what `submit` raises."""
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
                if not insertion.done.done():  # whoever waited may have been canceled
                    insertion.done.set_result(first)


def _fail(insertions: list[_Insertion], error: Exception) -> None:
    for insertion in insertions:
        if not insertion.done.done():
            insertion.done.set_exception(error)
