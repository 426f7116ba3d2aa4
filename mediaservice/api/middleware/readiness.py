"""Readiness: storage answers, and the keys that verify tokens are present."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from mediaservice.api.middleware.signing_keys import SigningKeys

if TYPE_CHECKING:
    from mediaservice.store.account import Store

# Requests need no token, so they must not become load on storage.
REMEMBERED_SECONDS = 5.0
ANSWER_SECONDS = 4.0  # less than the timeout of the graph's probe
log = logging.getLogger(__name__)


class Readiness:
    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys
        self._lock = asyncio.Lock()
        self._missing: list[str] = []
        self._looked = float("-inf")

    async def missing(self, opening: "asyncio.Future[Store]") -> list[str]:
        """Return the names of dependencies that do not answer, none if the process is ready."""
        async with self._lock:
            if time.monotonic() - self._looked >= REMEMBERED_SECONDS:
                found = await asyncio.gather(
                    _silent("storage", _storage(opening)), _silent("signing keys", self._keys.ensure())
                )
                self._missing = [name for name in found if name]
                self._looked = time.monotonic()
            return self._missing


async def _storage(opening: "asyncio.Future[Store]") -> None:
    store = await asyncio.shield(opening)
    await asyncio.gather(store.work.count(), store.transforms.names(), store.containers.answer())


async def _silent(name: str, asked: Awaitable[None]) -> str | None:
    """Return `name` if the request fails or takes too long."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await asked
    except Exception as error:
        log.warning("not ready: %s", name, extra={"reason": repr(error)})
        return name
    return None
