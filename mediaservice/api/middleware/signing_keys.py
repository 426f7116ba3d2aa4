"""The tenant's public signing keys: fetched when needed, cached, and fetched again for a key not yet known."""

import asyncio
import logging
import time

import httpx
import jwt

FETCH_SECONDS = 5.0
MAX_AGE_SECONDS = 24 * 3600.0
# An unknown key id may be a rotation or an invention; inventions must not become load on the authority.
MIN_REFRESH_SECONDS = 10.0
log = logging.getLogger(__name__)


class KeysUnavailableError(Exception):
    """The authority did not give its keys, so nothing can be checked; the caller may try again."""


class SigningKeys:
    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """None when the tenant has no such key. Raises KeysUnavailableError."""
        if key_id in self._keys and time.monotonic() - self._fetched < MAX_AGE_SECONDS:
            return self._keys[key_id]
        async with self._lock:
            age = time.monotonic() - self._fetched
            if age >= MAX_AGE_SECONDS or (key_id not in self._keys and age >= MIN_REFRESH_SECONDS):
                await self._fetch()
            return self._keys.get(key_id)

    async def ensure(self) -> None:
        """Fetches them if none are here or they are too old. Raises KeysUnavailableError."""
        async with self._lock:
            if time.monotonic() - self._fetched >= MAX_AGE_SECONDS:
                await self._fetch()

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS), httpx.AsyncClient() as client:
                answer = await client.get(self._url)
                answer.raise_for_status()
                found = jwt.PyJWKSet.from_dict(answer.json())
        except (httpx.HTTPError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            log.error("signing keys not available", extra={"url": self._url, "reason": repr(error)})
            raise KeysUnavailableError from error
        self._keys = {key.key_id: key for key in found.keys if key.key_id and key.algorithm_name == "RS256"}
        self._fetched = time.monotonic()
