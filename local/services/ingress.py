"""TLS in front of a plain http port, like the ingress of Container Apps.

Bytes pass unchanged in both directions. Streaming, long polling and large bodies therefore behave as without it, and
the application sees the client's Host header.
"""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from local.host.certificates import Certificates

CHUNK_BYTES = 65_536
NOBODY_LISTENS = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Ingress:
    """Serves https on a free port of 127.0.0.1 and forwards to http on `port`. A context manager."""

    def __init__(self, port: int, certificates: Certificates) -> None:
        self._target = port
        self._certificates = certificates
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The address `https://127.0.0.1:PORT`, without a slash at the end."""
        assert self._server, "the ingress is not running"
        return f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(
            self._serve,
            "127.0.0.1",
            0,
            ssl=self._certificates.server_context,
            ssl_handshake_timeout=10,
            ssl_shutdown_timeout=1,
        )

    async def _close(self) -> None:
        assert self._server
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._server.abort_clients()
        await self._server.wait_closed()
        late = asyncio.all_tasks() - {asyncio.current_task()}  # accepted just before and not started
        if late:
            await asyncio.wait(late, timeout=1)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            await self._connect(from_client, to_client)
        finally:
            self._connections.discard(task)
            to_client.close()

    async def _connect(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            from_target, to_target = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            to_client.write(NOBODY_LISTENS)
            return
        directions = [
            asyncio.create_task(_copy(from_client, to_target)),
            asyncio.create_task(_copy(from_target, to_client)),
        ]
        try:
            # TLS has no half-closed connections: the end of either side ends both.
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            to_target.close()  # before any step that the ingress's end could interrupt
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, TimeoutError):
        while chunk := await source.read(CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
