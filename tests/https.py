"""A server for tests of https clients."""

import http.server
from collections.abc import Iterator
from contextlib import contextmanager

from local.host.certificates import Certificates
from local.host.loopback_server import LoopbackServer


@contextmanager
def https_server(handler: type[http.server.BaseHTTPRequestHandler], certificates: Certificates) -> Iterator[int]:
    """Serve `handler`, with a thread per connection, until the end of the `with`. Return the port of 127.0.0.1."""
    with LoopbackServer(handler, certificates) as server:
        yield server.server_port
