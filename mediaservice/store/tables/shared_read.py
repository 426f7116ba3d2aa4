"""A read that many callers share."""

import asyncio
from collections.abc import Awaitable, Callable


class SharedRead[K, V]:
    """Lets callers that arrive during a read share the one that follows.

    Unlike a cache, it never returns a result from before the call, so that every earlier write is visible.
    """

    def __init__(self, read: Callable[[K], Awaitable[V]]) -> None:
        self._read = read
        self._running: dict[K, asyncio.Task[V]] = {}
        self._next: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._follow(key, self._running.get(key)))
        return await asyncio.shield(self._next[key])

    async def _follow(self, key: K, former: "asyncio.Task[V] | None") -> V:
        if former:
            await asyncio.wait({former})
        task = self._running[key] = self._next.pop(key)
        try:
            return await self._read(key)
        finally:
            if self._running[key] is task:
                del self._running[key]
