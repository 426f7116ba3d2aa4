"""HTTP/1.1 on a connection. Refusals before there is a request have the form of all other errors."""

import asyncio
import json
import sys
import uuid
from typing import override

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from mediaservice.api.contract.problems import ERROR_TYPE, body
from mediaservice.api.middleware.requests import COMMON, OF_FAILURES
from mediaservice.api.middleware.size_limit import HEADERS_TOO_LARGE

# The size that an unfinished head may have. It exceeds the limit on headers, so that a head between the two is refused
# in the same way whether it arrives at once or in pieces.
UNFINISHED_BYTES = 64 * 1024
# A connection that closes with unread input is reset, and the client may lose the answer. Input is therefore read and
# dropped for this long.
LINGER_SECONDS = 2.0
ARRIVAL_SECONDS = 30.0  # for a whole request, all of which are small


class HttpProtocol(H11Protocol):
    """Answers input that is not a request, is too large or takes too long with a JSON error, and closes."""

    _refused = False
    _arriving: asyncio.TimerHandle | None = None  # the deadline of the arriving request

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class has it
        super().connection_made(transport)
        self._arriving = self.loop.call_later(ARRIVAL_SECONDS, self._come_late)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        self._watch_arrival()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_arrival()  # a part of the next request may have come with the one before

    def _watch_arrival(self) -> None:
        """Give a request that has begun and is not complete its deadline."""
        arriving = self.conn.their_state is h11.SEND_BODY or (
            self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        )
        if not arriving:
            self._expect_nothing()
        elif self._arriving is None:
            self._arriving = self.loop.call_later(ARRIVAL_SECONDS, self._come_late)

    def _expect_nothing(self) -> None:
        if self._arriving:
            self._arriving.cancel()
            self._arriving = None

    def _come_late(self) -> None:
        """Close a connection whose request has not arrived completely in time."""
        self._refused = True
        if self.cycle and not self.cycle.response_complete:  # the application waits for its body
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        elif self.conn.our_state is h11.IDLE:
            self._answer(408, "RequestTimeout", f"The request did not come within {ARRIVAL_SECONDS:g} s.")
        self._close_later()

    @override
    def send_400_response(self, msg: str) -> None:
        """Called by the base class while it handles h11's error, whose hint is the status."""
        self._refused = True
        if self.cycle and not self.cycle.response_complete:  # the error is in a request's body
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            error = sys.exception()
            if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
                self._answer(431, "RequestHeaderFieldsTooLarge", HEADERS_TOO_LARGE)
            else:
                self._answer(400, "BadRequest", "The request is not valid HTTP.")
        self._close_later()

    def _answer(self, status: int, code: str, message: str) -> None:
        content = json.dumps(body(code, message)).encode()
        headers = {name: value for name, value in COMMON.items() if name != "odata-version"} | {
            **OF_FAILURES,
            "content-type": ERROR_TYPE,
            "content-length": str(len(content)),
            "connection": "close",
            "x-ms-request-id": str(uuid.uuid4()),
        }
        response = h11.Response(status_code=status, headers=list(headers.items()), reason=STATUS_PHRASES[status])
        for event in (response, h11.Data(data=content), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")

    def _close_later(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)
        self.flow.resume_reading()
