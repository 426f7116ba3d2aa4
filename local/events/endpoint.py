"""The https endpoint of a custom Event Grid topic: Entra tokens, events in Event Grid's own schema.

Sources: learn.microsoft.com "Azure Event Grid event schema" and "Authenticate publishing clients using Microsoft Entra
ID"; required properties: EventGridEvent of the published OpenAPI document; refusals: as Azure's SDKs quote them.
"""

import contextlib
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from local.events.filter import Event
from local.host.certificates import Certificates
from local.host.loopback_server import LoopbackServer
from local.services.entra import Entra
from local.services.token_server import RefusedError

AUDIENCE = "https://eventgrid.azure.net"
PATH = "/api/events"
API_VERSION = "2018-01-01"
LIMIT_BYTES = 1_048_576  # all events of a request together
_TEXTS = ("id", "subject", "eventType", "eventTime", "dataVersion")


@dataclass(frozen=True)
class CustomTopic:
    """The topic with the ARM id `id`. The principals `senders` may publish to it."""

    id: str
    senders: Collection[str]
    entra: Entra
    publish: Callable[[Event], None]

    def admit(self, authorization: str | None) -> None:
        """Raise RefusedError unless the header has the token of a sender."""
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer":
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "Request must contain an authorization header with an access token.",
            )
        if self.entra.claims(token.strip(), AUDIENCE).get("oid") not in self.senders:
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "The principal associated with access token presented with the incoming request does not have "
                f"permission to send data to {self.id}.",
            )

    def take(self, body: bytes) -> None:
        """Publish a JSON array of events, all or none. Raises RefusedError."""
        try:
            given: Any = json.loads(body)
        except ValueError as error:
            raise _refused(f"not JSON: {error}") from None
        if not isinstance(given, list):
            raise _refused("not an array of events")
        for event in [self._stamped(each) for each in given]:
            self.publish(event)

    def _stamped(self, event: Any) -> Event:
        if not isinstance(event, dict):
            raise _refused("an event is an object")
        for name in _TEXTS:
            if not isinstance(event.get(name), str) or not (event[name] or name == "dataVersion"):
                raise _refused(f"{name} is required")
        if not isinstance(event.get("data"), dict):
            raise _refused("data is required")
        try:
            datetime.fromisoformat(event["eventTime"])
        except ValueError:
            raise _refused(f"eventTime is {event['eventTime']!r}") from None
        if str(event.get("topic") or self.id).lower() != self.id.lower():
            raise _refused(f"topic is another than {self.id}")
        return {**event, "topic": self.id, "metadataVersion": "1"}


class TopicEndpoint:
    """A server, as a context manager. It answers 503 while no topic is open."""

    def __init__(self, certificates: Certificates) -> None:
        self._topic: CustomTopic | None = None
        self._server = LoopbackServer(partial(_Handler, self), certificates)

    @property
    def url(self) -> str:
        """The address that events are posted to."""
        return f"https://127.0.0.1:{self._server.server_port}{PATH}"

    @contextlib.contextmanager
    def serving(self, topic: CustomTopic) -> Iterator[None]:
        """Accept events for `topic` until the end of the `with`."""
        self._topic = topic
        try:
            yield
        finally:
            self._topic = None

    def open_topic(self) -> CustomTopic:
        """Return the open topic. Raises RefusedError if there is none."""
        if self._topic is None:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "The topic is not there.")
        return self._topic

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def __init__(self, endpoint: TopicEndpoint, *args: Any) -> None:
        self._endpoint = endpoint
        super().__init__(*args)

    def do_POST(self) -> None:
        try:
            self._take()
            status, body = HTTPStatus.OK, b""
        except RefusedError as refusal:
            self.close_connection = True  # the unread rest of the request is still in it
            status = refusal.status
            body = json.dumps({"error": {"code": _code(status), "message": str(refusal)}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _take(self) -> None:
        topic = self._endpoint.open_topic()
        address = urlsplit(self.path)
        if address.path != PATH:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {address.path}.")
        if parse_qs(address.query).get("api-version") != [API_VERSION]:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"The api-version must be {API_VERSION}.")
        topic.admit(self.headers.get("Authorization"))
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "The request has no length.")
        if int(length) > LIMIT_BYTES:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The events have more than {LIMIT_BYTES} bytes.")
        topic.take(self.rfile.read(int(length)))

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _refused(detail: str) -> RefusedError:
    return RefusedError(
        HTTPStatus.BAD_REQUEST,
        "This resource is configured to receive event in 'EventGridEvent' schema. "
        f"The JSON received does not conform to the expected schema: {detail}.",
    )


def _code(status: HTTPStatus) -> str:
    return "".join(word.capitalize() for word in status.name.split("_"))
