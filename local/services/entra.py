"""Microsoft Entra ID on one machine: managed identities' tokens and the keys that verify them.

Two loopback servers: the App Service managed-identity protocol over plain http, as azure-identity speaks it,
and an authority over https with the tenant's signing keys. Sources: learn.microsoft.com "How to use managed
identities for App Service" (REST endpoint reference) and "OpenID Connect on the Microsoft identity platform".
"""

import hmac
import secrets
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import jwt
from azure.core.credentials import AccessToken

from local.graph.outputs import AZURE_CLI
from local.host.certificates import Certificates
from local.services.authority import Authority
from local.services.authorization_code import Page
from local.services.client_credentials import Application
from local.services.signing_key import SigningKey
from local.services.token_server import Answer, RefusedError, Request, TokenServer, in_json

API_VERSION = "2019-08-01"
TOKEN_SECONDS = 24 * 3600


@dataclass
class _Directory:
    identities: dict[str, str] = field(default_factory=dict)  # client id → principal id
    api_roles: dict[str, dict[str, set[str]]] = field(default_factory=dict)  # audience → principal id → app roles
    headers: dict[str, frozenset[str]] = field(default_factory=dict)  # IDENTITY_HEADER → client ids it may act as


class Entra:
    """The tenant's servers, as a context manager. Identities and grants may be added at any time.

    `api_roles` maps an API's audience to the app roles granted to each principal. Tokens for other `api://` audiences
    are refused, as Entra refuses an unknown application.
    """

    def __init__(
        self,
        certificates: Certificates,
        *,
        tenant_id: str | None = None,
        identities: Mapping[str, str] | None = None,
        api_roles: Mapping[str, Mapping[str, Collection[str]]] | None = None,
    ) -> None:
        self.tenant_id = tenant_id or str(uuid.uuid4())
        self.developer_id = str(uuid.uuid4())
        self._directory = _Directory(identities=dict(identities or {}))
        for audience, grants in (api_roles or {}).items():
            for principal_id, roles in grants.items():
                self.grant(audience, principal_id, roles)
        self.key = SigningKey()
        self._authority = Authority(certificates, self.tenant_id, self.issuer, self.key, self.token)
        self._tokens = TokenServer(self._answer_application, lambda _: {})

    @property
    def authority(self) -> str:
        """The value of TOKEN_AUTHORITY, without a slash at the end."""
        return self._authority.url

    @property
    def issuer(self) -> str:
        return f"https://sts.windows.net/{self.tenant_id}/"

    def register(self, client_id: str, principal_id: str) -> None:
        """Add a user-assigned identity."""
        self._directory.identities[client_id] = principal_id

    def application(self, principal_id: str) -> Application:
        """Register an application that acts as `principal_id` and logs in by its secret."""
        return self._authority.applications.register(principal_id)

    def page(self, redirects: Collection[str]) -> Page:
        """Register a page on this machine that people sign in to. Raises ValueError for another address."""
        return self._authority.codes.register(redirects)

    def grant(self, audience: str, principal_id: str, roles: Collection[str]) -> None:
        """Grant app roles of the API `audience`. Without roles, only make the API known."""
        self._directory.api_roles.setdefault(audience, {}).setdefault(principal_id, set()).update(roles)

    def environment(self, *client_ids: str) -> dict[str, str]:
        """Return the environment of a child process that may act as these identities and no others."""
        header = secrets.token_hex(16)
        self._directory.headers[header] = frozenset(client_ids)
        return {
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self._tokens.server_port}/msi/token",
            "IDENTITY_HEADER": header,
        }

    def deployer_environment(self, client_id: str) -> dict[str, str]:
        """Return the environment of a deployment as this identity: the variables of Pulumi's Azure provider."""
        return {"ARM_USE_MSI": "true", "ARM_CLIENT_ID": client_id, **self.environment(client_id)}

    def credential(self, client_id: str | None = None) -> "LocalCredential":
        """Return a registered identity's credential, or without `client_id` that of the person at the keyboard."""
        if client_id is None:
            return LocalCredential(self, self.developer_id, AZURE_CLI)
        return LocalCredential(self, self._directory.identities[client_id], client_id)

    def token(
        self, resource: str, principal_id: str, client_id: str, *, seconds: int = TOKEN_SECONDS, **more: str
    ) -> tuple[str, int]:
        """Return a signed token and its expiry in epoch seconds. `more` are claims."""
        known = self._directory.api_roles.get(resource)
        if known is None and resource.startswith("api://"):
            raise RefusedError(
                HTTPStatus.BAD_REQUEST,
                f"AADSTS500011: The resource principal named {resource} was not found in the tenant "
                f"named {self.tenant_id}.",
            )
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": resource,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "oid": principal_id,
            "sub": principal_id,
            "tid": self.tenant_id,
            "appid": client_id,
            "idtyp": "user" if client_id == AZURE_CLI else "app",
            "ver": "1.0",
            **more,
        }
        if roles := sorted((known or {}).get(principal_id, ())):
            claims["roles"] = roles
        return self.key.sign(claims), now + seconds

    def claims(self, token: str, audience: str) -> dict[str, Any]:
        """Return a token's claims. Raises RefusedError unless it is valid, of this tenant and for `audience`."""
        try:
            return self.key.verify(token, audience, self.issuer)
        except jwt.PyJWTError as error:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, f"The access token is not valid: {error}.") from None

    def _answer_application(self, request: Request) -> Answer:
        """Answer App Service's protocol."""
        query, header = request.parameters, request.headers.get("x-identity-header")
        allowed = next(
            (
                ids
                for known, ids in self._directory.headers.items()
                if hmac.compare_digest(known.encode(), (header or "").encode())
            ),
            None,
        )
        if allowed is None:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "X-IDENTITY-HEADER is missing or wrong")
        if query.get("api-version") != API_VERSION:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"api-version must be {API_VERSION}")
        resource, client_id = query.get("resource"), query.get("client_id")
        if not resource:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "resource is missing")
        principal_id = self._directory.identities.get(client_id or "")
        if client_id is None or client_id not in allowed or principal_id is None:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST,
                f"No User Assigned or Delegated Managed Identity found for id {client_id}",
            )
        token, expires_on = self.token(resource, principal_id, client_id)
        return in_json(
            {
                "access_token": token,
                "client_id": client_id,
                "expires_on": str(expires_on),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def __enter__(self) -> Self:
        for server in (self._tokens, self._authority.server):
            server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self._tokens, self._authority.server):
            server.__exit__()


class LocalCredential:
    """An azure.core TokenCredential for clients in this process."""

    def __init__(self, entra: Entra, principal_id: str, client_id: str) -> None:
        self._entra = entra
        self._principal_id = principal_id
        self._client_id = client_id

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,  # noqa: ARG002 — the protocol's
        tenant_id: str | None = None,  # noqa: ARG002
        enable_cae: bool = False,  # noqa: ARG002
        **_kwargs: Any,
    ) -> AccessToken:
        resource = scopes[0].removesuffix("/.default")
        return AccessToken(*self._entra.token(resource, self._principal_id, self._client_id))
