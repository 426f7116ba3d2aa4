"""The proof of a web hook that it wants a subscription's events, in both of Event Grid's ways.

Event Grid posts an event with a code. The hook returns the code, or answers 200 and somebody requests the event's
address within ten minutes. Source: learn.microsoft.com "Endpoint validation with Event Grid event schema".
"""

import secrets
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from local.host.certificates import Certificates
from local.services.token_server import Answer, RefusedError, Request, TokenServer

EVENT_TYPE = "Microsoft.EventGrid.SubscriptionValidationEvent"
ANSWER_SECONDS = 30.0
MANUAL_SECONDS = 600.0
PATH = "/validate"


class HandshakeError(Exception):
    """The hook did not take the event. The message is one line."""


@dataclass(frozen=True)
class _Awaited:
    until: float
    proven: Callable[[], None]


class Handshakes:
    """The handshakes of all hooks, as a context manager, with the server that answers for the second way."""

    def __init__(self, certificates: Certificates, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._awaited: dict[str, _Awaited] = {}
        self._lock = threading.Lock()
        self._server = TokenServer(self._answer, lambda _: {}, certificates)
        self._trust = ssl.create_default_context(cafile=certificates.bundle)

    def begin(self, topic: str, subscription: str, hook: str, proven: Callable[[], None]) -> None:
        """Post the event. `proven` is called now or later, once. Raises HandshakeError."""
        code = str(uuid.uuid4())
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._awaited[token] = _Awaited(self._clock() + MANUAL_SECONDS, proven)
        event = {
            "id": str(uuid.uuid4()),
            "topic": topic,
            "subject": "",
            "data": {
                "validationCode": code,
                "validationUrl": f"https://127.0.0.1:{self._server.server_port}{PATH}?token={token}",
            },
            "eventType": EVENT_TYPE,
            "eventTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "metadataVersion": "1",
            "dataVersion": "2",
        }
        headers = {"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": subscription.upper()}
        try:
            # The environment's proxy must not be used for this machine.
            with httpx.Client(trust_env=False, verify=self._trust, timeout=ANSWER_SECONDS) as client:
                answer = client.post(hook, json=[event], headers=headers)
        except httpx.HTTPError as error:
            raise self._failed(token, hook, f"{type(error).__name__}: {error}") from None
        returned = _returned(answer)
        if answer.status_code != HTTPStatus.OK or returned not in (None, code):
            wrong = " with another validationResponse" if returned else ""
            raise self._failed(token, hook, f"it answers {answer.status_code}{wrong}")
        if returned == code:
            self._prove(token)

    def _answer(self, request: Request) -> Answer:
        """Answer a request for a validation address."""
        if request.method != "GET":
            raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "A validation address takes GET.")
        if request.path != PATH or not self._prove(request.parameters.get("token", "")):
            return _text("There is no such validation, or it has ended.\n", HTTPStatus.BAD_REQUEST)
        return _text("Webhook successfully validated as a subscription endpoint.\n", HTTPStatus.OK)

    def _prove(self, token: str) -> bool:
        with self._lock:
            awaited = self._awaited.pop(token, None)
        if awaited is None or self._clock() > awaited.until:
            return False
        awaited.proven()
        return True

    def _failed(self, token: str, hook: str, why: str) -> HandshakeError:
        with self._lock:
            self._awaited.pop(token, None)
        at = urlsplit(hook)._replace(query="").geturl()  # the query may hold the hook's secret
        return HandshakeError(f"the validation handshake with {at} failed: {why}")

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__()


def _text(said: str, status: HTTPStatus) -> Answer:
    return Answer(said.encode(), "text/plain; charset=utf-8", status)


def _returned(answer: httpx.Response) -> str | None:
    try:
        said = answer.json()
    except ValueError:
        return None
    found = said.get("validationResponse") if isinstance(said, dict) else None
    return str(found) if found is not None else None
