"""Storage behind a proxy: requests that a test chooses wait there, are refused, or are done and not acknowledged."""

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx

from local.host.certificates import Certificates

CODES = {500: "InternalError", 503: "ServerBusy"}
HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


@dataclass
class HeldStorage:
    endpoint: str
    waiting: threading.Event = field(default_factory=threading.Event)  # a chosen request has come
    go: threading.Event = field(default_factory=threading.Event)


def refused_never(_method: str, _path: str, _content: bytes) -> int | None:
    return None


def lost_never() -> bool:
    return False


@contextlib.contextmanager
def held_storage(
    endpoint: str,
    certificates: Certificates,
    chosen: Callable[[str, str], bool],
    refused: Callable[[str, str, bytes], int | None] = refused_never,
    lost: Callable[[], bool] = lost_never,
) -> Iterator[HeldStorage]:
    """Run the proxy. `chosen` decides by a request's method and path with query, `refused` also by its body.

    If `refused` returns a status, that is the answer, and the request does not reach the storage. If `lost` returns
    True, the request is done, and the answer says the contrary.
    """
    upstream, _, account = endpoint.rstrip("/").rpartition("/")

    class Door(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle_one_request()

        def pass_on(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", "0")))
            if chosen(self.command, self.path):
                held.waiting.set()
                held.go.wait(30)
            if status := refused(self.command, self.path, content):
                self.refuse(status)
                return
            headers = [(name, value) for name, value in self.headers.items() if name.lower() not in HOP]
            answer = client.request(self.command, upstream + self.path, headers=headers, content=content)
            if lost():
                self.refuse(http.HTTPStatus.INTERNAL_SERVER_ERROR)
                return
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            length = answer.headers.get("content-length", "0") if self.command == "HEAD" else str(len(answer.content))
            self.send_header("content-length", length)
            self.end_headers()
            self.wfile.write(answer.content)

        def refuse(self, status: int) -> None:
            error = {"code": CODES.get(status, "RequestBodyTooLarge"), "message": {"value": "refused"}}
            body = b"" if self.command == "HEAD" else json.dumps({"odata.error": error}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):  # every method
                return self.pass_on
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.socket = certificates.server_context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    held = HeldStorage(f"https://127.0.0.1:{server.server_port}/{account}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    with httpx.Client(verify=certificates.client_context, timeout=30) as client:
        thread.start()
        try:
            yield held
        finally:
            held.go.set()
            server.shutdown()
            thread.join()
            server.server_close()
