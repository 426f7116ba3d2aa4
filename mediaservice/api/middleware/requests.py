"""Handling that all requests share: path casing, correlation ids, common headers, the access log."""

import logging
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediaservice.api.contract.problems import failure

# Resource Manager's paths ignore case, and clients rely on it (mediaServices, mediaservices). Fixed segments stand at
# odd positions. The names between them stay as they are.
FIXED = {
    segment.lower(): segment
    for segment in (
        "subscriptions",
        "resourceGroups",
        "providers",
        "mediaServices",
        "assets",
        "transforms",
        "jobs",
        "listContainerSas",
        "listStreamingLocators",
        "cancelJob",
    )
}
PROVIDER = "Microsoft.Media"
COMMON = {
    "odata-version": "4.0",
    "cache-control": "no-cache",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
}
FAILED = 400
OF_FAILURES = {"content-language": "en-US"}  # with which Resource Manager answers, rather than the service
HEALTH = "/healthz"  # the process answers
READY = "/readyz"  # the process can do its work
log = logging.getLogger("mediaservice.access")


def canonical(path: str, *, slash: bool = False) -> str:
    """Return the canonical path. With `slash`, its last character is a separator, not part of an encoded name."""
    segments = (path.rstrip("/") if slash else path).split("/")
    if len(segments) < 2 or segments[1].lower() != "subscriptions":
        return path
    for position in range(1, len(segments), 2):
        segments[position] = FIXED.get(segments[position].lower(), segments[position])
    return "/".join(PROVIDER if segment.lower() == PROVIDER.lower() else segment for segment in segments)


class Requests:
    """The outermost layer: every answer gets these headers, and every request is logged once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = str(uuid.uuid4())
        correlation = headers.get("x-ms-correlation-request-id", request_id)
        scope["path"] = canonical(scope["path"], slash=scope.get("raw_path", b"").endswith(b"/"))
        state = scope.setdefault("state", {})
        state["correlation_id"] = correlation
        status = 500
        begun_answer = False

        async def answer(message: Message) -> None:
            nonlocal status, begun_answer
            if message["type"] == "http.response.start":
                begun_answer = True
                status = message["status"]
                out = MutableHeaders(scope=message)
                out.update(COMMON if status < FAILED else {**COMMON, **OF_FAILURES})
                if status >= FAILED:
                    del out["odata-version"]
                out["x-ms-request-id"] = request_id
                out["x-ms-correlation-request-id"] = correlation
                if client_id := headers.get("x-ms-client-request-id"):
                    out["x-ms-client-request-id"] = client_id
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:
            log.exception("request failed", extra={"requestId": request_id, "correlationId": correlation})
            if begun_answer:
                raise
            await failure()(scope, receive, answer)
        finally:
            if scope["path"] not in (HEALTH, READY):
                log.info(
                    "%s %s %d",
                    scope["method"],
                    scope["path"],
                    status,
                    extra={
                        "status": status,
                        "milliseconds": round((time.perf_counter() - begun) * 1000, 1),
                        "requestId": request_id,
                        "correlationId": correlation,
                        "client": state.get("client"),
                    },
                )
