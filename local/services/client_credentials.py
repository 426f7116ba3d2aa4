"""The client credentials flow of OAuth 2.0 (RFC 6749, 4.4), refused in Entra's words: applications with a secret."""

import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.services.token_server import OAuthError


@dataclass(frozen=True)
class Application:
    """An application with a client secret; `principal_id` is whom it acts as."""

    client_id: str
    principal_id: str
    secret: str


class ClientCredentials:
    """`issue` makes a token from a resource, a principal's id and a client's id, and says when it expires."""

    def __init__(self, issue: Callable[[str, str, str], tuple[str, int]]) -> None:
        self._issue = issue
        self._applications: dict[str, Application] = {}

    def register(self, principal_id: str) -> Application:
        made = Application(str(uuid.uuid4()), principal_id, secrets.token_urlsafe(32))
        self._applications[made.client_id] = made
        return made

    def answer(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer a request for a token. Raises OAuthError."""
        known = self._applications.get(form.get("client_id", ""))
        if known is None:
            raise OAuthError("unauthorized_client", "AADSTS700016: The application was not found in the directory.")
        if not hmac.compare_digest(known.secret.encode(), form.get("client_secret", "").encode()):
            raise OAuthError("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        scope = form.get("scope", "")
        resource = scope.removesuffix("/.default")
        if resource in ("", scope):
            raise OAuthError("invalid_scope", f"AADSTS1002012: The scope is {scope!r}; it must end with /.default.")
        token, expires_on = self._issue(resource, known.principal_id, known.client_id)
        lasts = expires_on - int(time.time())
        return {"token_type": "Bearer", "expires_in": lasts, "ext_expires_in": lasts, "access_token": token}
