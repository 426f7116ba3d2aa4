"""Who may talk to the server: browsers that followed a link of its own, on pages of its own.

The server listens on the loopback interface, where any page that a browser shows can send requests. So each request
must name this server as its host (a foreign name that resolves to 127.0.0.1 does not), come from a page of this server
or from the address bar, and have a cookie that only a link's token gets. A link works once.
"""

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from redactor.page.answers import failure

COOKIE_SECONDS: Final = 7 * 24 * 3600  # a browser that crashed finds its way back
SAFE: Final = frozenset({"GET", "HEAD"})
ENTRY: Final = "/api/session"  # takes the token instead of the cookie
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Keys:
    """The tokens of links, each for one use, and the secret behind the cookie."""

    def __init__(self, port: int) -> None:
        # Cookies are shared by all ports of a host.
        self.cookie = f"redactor_{port}"
        self._secret = secrets.token_urlsafe(32)
        self._tokens: set[bytes] = set()

    def token(self) -> str:
        """Return a new token."""
        token = secrets.token_urlsafe(32)
        self._tokens.add(_digest(token))
        return token

    def redeem(self, token: str) -> bool:
        """Return True if the token is known. It is used up."""
        digest = _digest(token)
        known = digest in self._tokens
        self._tokens.discard(digest)
        return known

    def let_in(self, response: Response) -> None:
        """Set the cookie."""
        response.set_cookie(
            self.cookie, self._secret, max_age=COOKIE_SECONDS, path="/", httponly=True, samesite="strict"
        )

    def knows(self, cookies: str | None) -> bool:
        """Return True if a Cookie header has the cookie."""
        parsed: SimpleCookie = SimpleCookie()
        try:
            parsed.load(cookies or "")
        except CookieError:
            return False
        found = parsed.get(self.cookie)
        return found is not None and hmac.compare_digest(found.value.encode(), self._secret.encode())


class Guard:
    """ASGI middleware that refuses strangers and adds the headers of safety to every answer."""

    def __init__(self, app: ASGIApp, keys: Keys, port: int) -> None:
        self._app = app
        self._keys = keys
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope) if scope["type"] == "http" else failure(403, "only http is spoken here")
        await (refusal or self._app)(scope, receive, safely)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if headers.get("host") not in self._hosts:
            return failure(421, "this server has another name")
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            return failure(403, "requests of other pages are refused")
        if method not in SAFE and origin is None:
            return failure(403, "the request does not name the page that it comes from")
        site = headers.get("sec-fetch-site", "same-origin")
        # The address bar's request is of no site. A link on another page may open this page, and nothing of the API.
        opens_page = headers.get("sec-fetch-mode") == "navigate" and method in SAFE and not path.startswith("/api/")
        if site not in {"same-origin", "none"} and not opens_page:
            return failure(403, "requests of other pages are refused")
        entering = path == ENTRY and method == "POST"
        if path.startswith("/api/") and not entering and not self._keys.knows(headers.get("cookie")):
            return failure(401, "open the newest address that the program printed")
        return None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
