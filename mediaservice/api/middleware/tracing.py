"""A span for each request except health checks, named by its route, with the names of its resources.

FastAPI's own spans are not used: they know no jobs, and would record query strings and exception messages.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediaservice import telemetry
from mediaservice.api.middleware.requests import HEALTH, READY

SERVER_ERROR = 500


class Tracing:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in (HEALTH, READY):
            await self._app(scope, receive, send)
            return
        status = SERVER_ERROR

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        about = {"http.request.method": scope["method"], "url.path": scope["path"]}
        with telemetry.span(scope["method"], telemetry.Kind.REQUEST, Headers(scope=scope), **about) as span:
            try:
                await self._app(scope, receive, answer)
            finally:
                route = getattr(scope.get("route"), "path", "")
                span.name(f"{scope['method']} {route}")
                named = {name: value for name, value in scope.get("path_params", {}).items() if name != "subscription"}
                span.add(**named, **{"http.route": route, "http.response.status_code": status})
                if status >= SERVER_ERROR:
                    span.fail()
