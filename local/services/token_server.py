"""A small loopback server: one answer for each request, in JSON unless the answer says otherwise."""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.host.certificates import Certificates
from local.host.loopback_server import LoopbackServer

FORM_BYTES = 64 * 1024


class RefusedError(Exception):
    """A request that Azure would refuse."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class OAuthError(Exception):
    """A refusal. `error` is one of OAuth's codes (RFC 6749, 5.2)."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.status = HTTPStatus.UNAUTHORIZED if error == "invalid_client" else HTTPStatus.BAD_REQUEST


@dataclass(frozen=True)
class Request:
    """`parameters` are the query's, or a form's; of a repeated one the last. Header names are in lower case."""

    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    content_type: str = "application/json"
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


def in_json(value: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(json.dumps(value).encode(), status=status)


class TokenServer(LoopbackServer):
    """`answer` may raise RefusedError and OAuthError."""

    def __init__(
        self,
        answer: Callable[[Request], Answer],
        common: Callable[[Request], Mapping[str, str]],
        certificates: Certificates | None = None,
    ) -> None:
        """`common` returns headers for all answers to a request, refusals included."""
        super().__init__(partial(_Handler, answer, common), certificates)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def __init__(
        self, answer: Callable[[Request], Answer], common: Callable[[Request], Mapping[str, str]], *args: Any
    ) -> None:
        self._answer, self._common = answer, common
        super().__init__(*args)

    def do_GET(self) -> None:
        self._respond(self._request(urlsplit(self.path).query))

    def do_OPTIONS(self) -> None:
        self._respond(self._request(""))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > FORM_BYTES:
            self.close_connection = True
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        self._respond(self._request(self.rfile.read(int(length)).decode(errors="replace")))

    def _request(self, encoded: str) -> Request:
        parameters = {name: values[-1] for name, values in parse_qs(encoded).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, urlsplit(self.path).path, parameters, headers)

    def _respond(self, request: Request) -> None:
        try:
            answer = self._answer(request)
        except OAuthError as refusal:
            answer = in_json({"error": refusal.error, "error_description": str(refusal)}, refusal.status)
        except RefusedError as refusal:
            answer = in_json({"statusCode": refusal.status.value, "message": str(refusal)}, refusal.status)
        with contextlib.suppress(ConnectionError):  # a client that was stopped does not wait for its answer
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Cache-Control", "no-store")
            for name, value in {**self._common(request), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing, since requests hold tokens."""
