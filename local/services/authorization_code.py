"""The authorization code flow with PKCE, for pages on this machine: public clients without a secret.

Sources: RFC 6749 (4.1), RFC 7636, RFC 8252 (7.3), OpenID Connect Core 1.0; the parameters that MSAL sends and expects:
learn.microsoft.com "Microsoft identity platform and OAuth 2.0 authorization code flow".
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from local.services import sign_in_page
from local.services.people import Person
from local.services.token_server import Answer, OAuthError, Request

CODE_SECONDS = 60.0  # from the choice of a person to the request for tokens
CHOICE_SECONDS = 600.0  # from the page to the choice
MOST_PENDING = 1000
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OF_OPENID = frozenset({"openid", "profile", "email", "offline_access"})
RESPONSE_MODES = ("query", "fragment")


@dataclass(frozen=True)
class Page:
    """A page on this machine that people sign in to. `redirects` are the addresses that may get codes."""

    client_id: str
    redirects: tuple[str, ...]

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(_origin(each) for each in self.redirects)


@dataclass(frozen=True)
class Asked:
    """A checked request for a code."""

    page: Page
    redirect: str
    challenge: str
    scope: str
    mode: str
    state: str | None
    nonce: str | None
    client_info: bool


@dataclass(frozen=True)
class Granted:
    asked: Asked
    person: Person


class _Pending[T]:
    """Values under keys that cannot be guessed. Each is given out once, and only for some time."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._values: dict[str, tuple[T, float]] = {}
        self._lock = threading.Lock()

    def keep(self, value: T) -> str:
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._values[key] = value, self._clock() + self._seconds
            if len(self._values) > MOST_PENDING:
                del self._values[next(iter(self._values))]
        return key

    def take(self, key: str) -> T | None:
        with self._lock:
            value, until = self._values.pop(key, (None, 0.0))
        return value if self._clock() < until else None


class AuthorizationCodes:
    """Pages and their codes.

    `tokens` makes the answer to a valid code: access token and id token, from the client's id, the person, the scope
    and the nonce. `tenant_id` is theirs.
    """

    def __init__(
        self,
        people: Sequence[Person],
        tenant_id: str,
        tokens: Callable[[str, Person, str, str | None], dict[str, Any]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._people = {each.username: each for each in people}
        self._tenant_id, self._tokens = tenant_id, tokens
        self._pages: dict[str, Page] = {}
        self._choices = _Pending[Asked](CHOICE_SECONDS, clock)
        self._codes = _Pending[Granted](CODE_SECONDS, clock)

    def register(self, redirects: Collection[str]) -> Page:
        """Register a page. Raises ValueError for an address that is not of this machine."""
        for each in redirects:
            if not is_local(each):
                raise ValueError(f"{each!r} is no address on this machine; allowed: http(s)://localhost:PORT/PATH")
        name = "local-page/" + " ".join(sorted(redirects))
        page = Page(str(uuid.uuid5(uuid.NAMESPACE_URL, name)), tuple(redirects))
        self._pages[page.client_id] = page
        return page

    def knows(self, client_id: str | None) -> bool:
        return client_id in self._pages

    def allows(self, origin: str | None) -> bool:
        """True for the origin of a registered page."""
        return any(origin in each.origins for each in self._pages.values())

    def authorize(self, request: Request, own_origin: str) -> Answer:
        """Show the page (GET), or send the browser back with a code (POST)."""
        if request.method == "POST":
            return self._chosen(request, own_origin)
        page = self._pages.get(request.parameters.get("client_id", ""))
        redirect = request.parameters.get("redirect_uri", "")
        if page is None or redirect not in page.redirects:
            # Never a redirect: the address may be anybody's.
            said = (
                f"AADSTS50011: The redirect URI {redirect!r} is not registered for the application."
                if page
                else "AADSTS700016: The application was not found in the directory."
            )
            return sign_in_page.message(said, HTTPStatus.BAD_REQUEST)
        try:
            asked = _checked(page, redirect, request.parameters)
        except OAuthError as refusal:
            failed = {"error": refusal.error, "error_description": str(refusal)}
            return _back(redirect, request.parameters, failed)
        if request.parameters.get("prompt") == "none":
            failed = {"error": "login_required", "error_description": "AADSTS50058: Nobody is signed in."}
            return _back(redirect, request.parameters, failed)
        key = self._choices.keep(asked)
        return sign_in_page.sign_in(request.path, key, list(self._people.values()), _origin(redirect))

    def _chosen(self, request: Request, own_origin: str) -> Answer:
        asked = self._choices.take(request.parameters.get("request", ""))
        person = self._people.get(request.parameters.get("person", ""))
        if request.headers.get("origin", own_origin) != own_origin or asked is None or person is None:
            return sign_in_page.message("This sign-in has ended. Go back to the page and begin again.", HTTPStatus(400))
        code = self._codes.keep(Granted(asked, person))
        said = {"state": asked.state or "", "response_mode": asked.mode}
        return _back(asked.redirect, said, {"code": code})

    def redeem(self, form: Mapping[str, str], origin: str | None) -> dict[str, Any]:
        """Answer a request for tokens. Raises OAuthError. A code is used up by the first request with it."""
        granted = self._codes.take(form.get("code", ""))
        page = self._pages.get(form.get("client_id", ""))
        if page is None:
            raise OAuthError("unauthorized_client", "AADSTS700016: The application was not found in the directory.")
        if "client_secret" in form or "client_assertion" in form:
            raise OAuthError("invalid_request", "AADSTS90023: Public clients can't send a client secret.")
        if origin is not None and origin not in page.origins:
            raise OAuthError("invalid_request", f"AADSTS9002326: {origin} is not the page's origin.")
        if granted is None or granted.asked.page != page:
            raise OAuthError("invalid_grant", "AADSTS70008: The code is unknown, used or expired.")
        if form.get("redirect_uri") != granted.asked.redirect:
            raise OAuthError("invalid_grant", "AADSTS500112: The redirect URI is another than the code's.")
        if not hmac.compare_digest(_challenge(form.get("code_verifier", "")), granted.asked.challenge):
            raise OAuthError("invalid_grant", "AADSTS501481: The code_verifier does not match the code_challenge.")
        answer = self._tokens(page.client_id, granted.person, granted.asked.scope, granted.asked.nonce)
        if granted.asked.client_info:
            uid = {"uid": granted.person.principal_id, "utid": self._tenant_id}
            answer["client_info"] = _base64(json.dumps(uid).encode())
        return answer

    def sign_out(self, request: Request) -> Answer:
        """Send the browser back to its page. There is no session to end."""
        wanted = request.parameters.get("post_logout_redirect_uri", "")
        if any(wanted in each.redirects for each in self._pages.values()):
            return _back(wanted, request.parameters, {})
        return sign_in_page.message("You are signed out.")


def is_local(address: str) -> bool:
    """True for a page's address on this machine."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    named = parts.scheme in ("http", "https") and parts.hostname in LOOPBACK and port != 0
    return named and parts.username is None and not parts.fragment and not parts.query


def resource_of(scope: str, client_id: str) -> tuple[str, str]:
    """Return the resource and the permission asked for, in `api://…/user_impersonation` or `api://…/.default`."""
    asked = [each for each in scope.split() if each not in OF_OPENID]
    resources = {each.rpartition("/")[0] for each in asked}
    if not asked:
        return client_id, "openid"
    if len(resources) > 1 or "" in resources:
        raise OAuthError("invalid_scope", f"AADSTS28000: The scope is {scope!r}; it must name one resource.")
    names = {each.rpartition("/")[2] for each in asked} - {".default"}
    return resources.pop(), " ".join(sorted(names)) or "user_impersonation"


def _checked(page: Page, redirect: str, given: Mapping[str, str]) -> Asked:
    if given.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "AADSTS700054: The response_type must be code.")
    if given.get("code_challenge_method") != "S256" or len(given.get("code_challenge", "")) != len(_challenge("")):
        raise OAuthError("invalid_request", "AADSTS9002325: A code_challenge by S256 is required.")
    mode = given.get("response_mode", "query")
    if mode not in RESPONSE_MODES:
        raise OAuthError("invalid_request", f"AADSTS70007: The response_mode must be {' or '.join(RESPONSE_MODES)}.")
    scope = given.get("scope", "")
    resource_of(scope, page.client_id)
    return Asked(
        page,
        redirect,
        given["code_challenge"],
        scope,
        mode,
        given.get("state"),
        given.get("nonce"),
        given.get("client_info") == "1",
    )


def _back(redirect: str, asked: Mapping[str, str], said: Mapping[str, str]) -> Answer:
    state = {"state": asked["state"]} if asked.get("state") else {}
    parameters = urlencode({**said, **state})
    mark = "#" if asked.get("response_mode") == "fragment" else "?"
    location = f"{redirect}{mark}{parameters}" if parameters else redirect
    headers = {"Location": location, "Referrer-Policy": "no-referrer"}
    return Answer(content_type="text/plain", status=HTTPStatus.SEE_OTHER, headers=headers)


def _challenge(verifier: str) -> str:
    return _base64(hashlib.sha256(verifier.encode()).digest())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
