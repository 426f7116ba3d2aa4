"""Access to Azure Storage: managed identity, connections, time limits and retries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ManagedIdentityCredential

from mediaservice.settings import Storage

# A dead connection is noticed within seconds, and a request is tried for about ten, less than callers wait.
CONNECT_SECONDS, READ_SECONDS, RETRIES = 5, 30, 4
BLOBS_AND_QUEUES: dict[str, Any] = {"retry_total": RETRIES, "initial_backoff": 1, "increment_base": 2}
TABLES: dict[str, Any] = {"retry_total": RETRIES, "retry_backoff_factor": 0.2}
# Each costs memory and a TLS handshake. Further requests wait for a free one.
CONNECTIONS = 64


def credential(storage: Storage) -> ManagedIdentityCredential:
    return ManagedIdentityCredential(client_id=storage.client_id)


@asynccontextmanager
async def connections() -> AsyncIterator[AioHttpTransport]:
    """Return a pool for any number of clients, none of which closes it.

    The SDK's own transport looks for proxies and passwords in files and the environment at every request, in a thread.
    """
    pool = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(
        connector=pool, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        yield AioHttpTransport(
            session=session, session_owner=False, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS
        )
