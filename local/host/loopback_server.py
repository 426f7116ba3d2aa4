"""A small server on 127.0.0.1, over http or https."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from local.host.certificates import Certificates


class LoopbackServer(ThreadingHTTPServer):
    """A server on a free port, with a thread for each connection. As a context manager it serves."""

    request_queue_size = 128  # many processes start at once; with the default of 5, some would wait a second

    def __init__(
        self, handler: Callable[..., BaseHTTPRequestHandler], certificates: Certificates | None = None
    ) -> None:
        """With `certificates`, it speaks https."""
        super().__init__(("127.0.0.1", 0), handler)
        if certificates is not None:
            # The handshake runs in the connection's thread, so that one slow client does not block the others.
            self.socket = certificates.server_context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
