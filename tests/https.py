"""A server for tests of https clients."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from local.host.certificates import Certificates


@contextmanager
def https_server(handler: type[http.server.BaseHTTPRequestHandler], certificates: Certificates) -> Iterator[int]:
    """Serve `handler`, with a thread per connection, until the end of the `with`. Return the port of 127.0.0.1."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.socket = certificates.server_context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
