"""The program's own requests to Azure Resource Manager, besides its providers': builds of images, sync of triggers."""

import json
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self

from local.host.certificates import Certificates
from local.host.loopback_server import LoopbackServer
from tests.engine.azure import Azure
from tests.engine.storage import AzuriteStorage

_RUN = re.compile(r"/runs/(?P<run>\w+)")
_FUNCTION = re.compile(r"(?P<site>.+/Microsoft\.Web/sites/[^/]+)/functions/[^/]+")
_SYNC = re.compile(r"(?P<site>.+/Microsoft\.Web/sites/[^/]+)/host/default/sync")

type Answer = tuple[HTTPStatus, dict[str, Any]]


class ResourceManager:
    """A server at `url`, as a context manager. It requires a token, except for logs of builds."""

    def __init__(self, azure: Azure, storage: AzuriteStorage, certificates: Certificates) -> None:
        self._azure, self._storage = azure, storage
        self._logs: list[str | None] = []  # of each run; None for successful ones
        serves = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def _answer(self, method: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0]
                if log := serves.log(path):
                    self._send(HTTPStatus.OK, log.encode(), "text/plain")
                elif not self.headers.get("Authorization", "").startswith("Bearer "):
                    self._send(HTTPStatus.UNAUTHORIZED, b"{}", "application/json")
                else:
                    status, answer = serves.answer(method, path, json.loads(body or b"{}"))
                    self._send(status, json.dumps(answer).encode(), "application/json")

            def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        self._server = LoopbackServer(Handler, certificates)
        self.url = f"https://127.0.0.1:{self._server.server_port}"

    def log(self, path: str) -> str | None:
        """Return a failed build's log, which needs only its address."""
        found = re.fullmatch(r"/logs/(\d+)", path)
        return self._logs[int(found[1])] if found else None

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        """Return Azure's answer to a request of the program."""
        if method == "POST" and path.endswith("/listBuildSourceUploadUrl"):
            url, location = self._storage.new_sources()
            return HTTPStatus.OK, {"uploadUrl": url, "relativePath": location}
        if method == "POST" and path.endswith("/scheduleRun"):
            self._logs.append(self._azure.build(body["sourceLocation"]))
            return HTTPStatus.OK, {"properties": {"runId": f"ca{len(self._logs) - 1}", "status": "Queued"}}
        if run := _RUN.search(path):
            number = int(run["run"].removeprefix("ca"))
            if path.endswith("/listLogSasUrl"):
                return HTTPStatus.OK, {"logLink": f"{self.url}/logs/{number}"}
            status = "Succeeded" if self._logs[number] is None else "Failed"
            return HTTPStatus.OK, {"properties": {"runId": run["run"], "status": status}}
        if method == "POST" and (sync := _SYNC.fullmatch(path)):
            # observed: Resource Manager wraps the host's 503 in a 400
            return (HTTPStatus.OK if self._azure.sync(sync["site"]) else HTTPStatus.BAD_REQUEST), {}
        if method == "GET" and (function := _FUNCTION.fullmatch(path)):
            return (HTTPStatus.OK if self._azure.lists(function["site"]) else HTTPStatus.NOT_FOUND), {}
        return HTTPStatus.NOT_IMPLEMENTED, {"error": f"{method} {path}"}

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__()
