"""Refuses requests larger than any sensible one, with or without a Content-Length."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediaservice.api.contract.problems import OdataResponse, body

# A job with 50 inputs of 4,000 characters, the longest that an address may be, is a quarter of it.
BODY_BYTES = 1024 * 1024
HEADER_BYTES = 32 * 1024  # Entra's tokens stay below 16 KiB
TOO_LARGE = f"The request's body exceeds the {BODY_BYTES:,} bytes that are allowed."
HEADERS_TOO_LARGE = f"The request's target and headers exceed the {HEADER_BYTES:,} bytes that are allowed."


class SizeLimit:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _head_bytes(scope) > HEADER_BYTES:
            answer = OdataResponse(body("RequestHeaderFieldsTooLarge", HEADERS_TOO_LARGE), 431)
            await answer(scope, receive, send)
            return
        if int(Headers(scope=scope).get("content-length", "0")) > BODY_BYTES:  # the server has checked its form
            await OdataResponse(body("RequestContentTooLarge", TOO_LARGE), 413)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_BYTES:
                raise HTTPException(413, TOO_LARGE)
            return message

        await self._app(scope, counted, send)


def _head_bytes(scope: Scope) -> int:
    """Return the approximate size of the head on the wire: a header has four bytes besides name and value."""
    target = len(scope["raw_path"]) + len(scope["query_string"])
    return target + sum(len(name) + len(value) + 4 for name, value in scope["headers"])
