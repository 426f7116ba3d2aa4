"""An https server in the media service's place. It records requests and gives prepared answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.host.certificates import Certificates

ACCOUNT = (
    "/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/group1"
    "/providers/Microsoft.Media/mediaServices/account1"
)
JOBS = f"{ACCOUNT}/transforms/faceredact/jobs/"
ASSETS = f"{ACCOUNT}/assets/"


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # without the query
    token: str
    body: Any


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds; cut short when the test ends


@dataclass
class MediaService:
    """Accepts assets and jobs as the service does, or gives the next of `answers`, each for one request."""

    endpoint: str
    requests: list[Request] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)  # (method, start of path)
    jobs: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        for (method, start), waiting in self.answers.items():
            if waiting and request.method == method and request.path.startswith(start):
                return waiting.pop(0)
        if request.path.startswith(JOBS):
            known = request.path in self.jobs
            if request.method == "GET":
                return Answer(200 if known else 404)
            self.jobs.add(request.path)
            return Answer(409 if known else 201)
        return Answer(201)

    def of(self, method: str, start: str) -> list[Request]:
        return [seen for seen in self.requests if seen.method == method and seen.path.startswith(start)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, service: MediaService, *args: Any) -> None:
        self._service = service
        super().__init__(*args)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            self.command,
            self.path.partition("?")[0],
            self.headers.get("Authorization", ""),
            json.loads(body) if body else None,
        )
        answer = self._service.answer(request)
        self._service.over.wait(answer.delay)
        payload = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    do_GET = do_HEAD = do_PUT = _serve  # noqa: N815 — the library's names

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def recording(certificates: Certificates) -> Iterator[MediaService]:
    service = MediaService("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, service))
    server.daemon_threads = True
    server.socket = certificates.server_context.wrap_socket(server.socket, server_side=True)
    service.endpoint = f"https://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield service
    finally:
        service.over.set()
        server.shutdown()
        server.server_close()
