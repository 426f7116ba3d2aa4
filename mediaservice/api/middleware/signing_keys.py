"""The tenant's public signing keys: fetched when needed, cached, and fetched again for an unknown key."""

import asyncio
import logging
import time

import httpx
import jwt

FETCH_SECONDS = 5.0
REFRESH_SECONDS = 24 * 3600.0  # the age at which keys are fetched again, while the cached ones stay in use
MAX_AGE_SECONDS = 3 * 24 * 3600.0  # the age at which they no longer are, since one may have been withdrawn
# An unknown key id may be new or invented. Invented ones must not become load on the authority.
MIN_REFRESH_SECONDS = 10.0
MIN_RETRY_SECONDS = 3.0  # between a failed fetch and the next
log = logging.getLogger(__name__)


class KeysUnavailableError(Exception):
    """The authority did not return its keys, so no token can be verified. The caller may try again."""


class SigningKeys:
    """The cache. Only requests for a missing key wait, and they share one fetch."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")  # the time of the last fetch
        self._next = float("-inf")  # the earliest time of the next
        self._fetching: asyncio.Task[None] | None = None
        self._failed = False  # in the last fetch

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """Return the key, or None if the tenant has no such key. Raises KeysUnavailableError."""
        if not self._usable() or key_id not in self._keys:
            await self._refresh()
        elif self._age() >= REFRESH_SECONDS:
            self._begin()
        return self._keys.get(key_id) if self._usable() else None

    async def ensure(self) -> None:
        """Fetch the keys unless usable ones are cached. Raises KeysUnavailableError."""
        if not self._usable():
            await self._refresh()

    def _age(self) -> float:
        return time.monotonic() - self._fetched

    def _usable(self) -> bool:
        return self._age() < MAX_AGE_SECONDS

    async def _refresh(self) -> None:
        """Wait for a fetch, unless it is too early for one. Raises KeysUnavailableError if the last one failed."""
        if fetching := self._begin():
            await asyncio.wait({fetching})
        if self._failed:
            raise KeysUnavailableError

    def _begin(self) -> "asyncio.Task[None] | None":
        """Return the fetch in progress, or None if it is too early for another."""
        if self._fetching is None and time.monotonic() >= self._next:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS), httpx.AsyncClient() as client:
                answer = await client.get(self._url)
                answer.raise_for_status()
                found = jwt.PyJWKSet.from_dict(answer.json())
        except (httpx.HTTPError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            log.error("signing keys not available", extra={"url": self._url, "reason": repr(error)})
            self._failed = True
            self._next = time.monotonic() + MIN_RETRY_SECONDS
        else:
            self._keys = {key.key_id: key for key in found.keys if key.key_id and key.algorithm_name == "RS256"}
            self._fetched = time.monotonic()
            self._failed = False
            self._next = self._fetched + MIN_REFRESH_SECONDS
        finally:
            self._fetching = None
