"""Microsoft Entra ID on one machine: managed identities' tokens and the keys that verify them.

Two loopback servers: the App Service managed-identity protocol over plain http, as azure-identity speaks it,
and an authority over https with the tenant's signing keys. Sources: learn.microsoft.com "How to use managed
identities for App Service" (REST endpoint reference) and "OpenID Connect on the Microsoft identity platform".
"""

import contextlib
import hmac
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from azure.core.credentials import AccessToken
from cryptography.hazmat.primitives.asymmetric import rsa

from local.graph.outputs import AZURE_CLI
from local.host.certificates import Certificates
from local.services.client_credentials import Application, ClientCredentials, OAuthError

API_VERSION = "2019-08-01"
TOKEN_SECONDS = 24 * 3600
TOKENS = "/oauth2/v2.0/token"
# With this tenant, MSAL accepts the authority as it is. For others, it sends a request to Microsoft first.
ADFS = "adfs"
FORM_BYTES = 64 * 1024


class RefusedError(Exception):
    """A request that Azure would refuse."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


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
        self._client_credentials = ClientCredentials(self.token)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_urlsafe(16)
        self._tokens = _Server(("127.0.0.1", 0), partial(_Handler, self.issue_to_application, None))
        self._authority = _Server(("127.0.0.1", 0), partial(_Handler, self._metadata, self._issue_by_secret))
        # The handshake runs in the request's thread, so that one slow client does not block the others.
        self._authority.socket = certificates.server_context.wrap_socket(
            self._authority.socket, server_side=True, do_handshake_on_connect=False
        )
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            for server in (self._tokens, self._authority)
        ]

    @property
    def authority(self) -> str:
        """The value of TOKEN_AUTHORITY, without a slash at the end."""
        return f"https://127.0.0.1:{self._authority.server_port}"

    @property
    def issuer(self) -> str:
        return f"https://sts.windows.net/{self.tenant_id}/"

    def register(self, client_id: str, principal_id: str) -> None:
        """Add a user-assigned identity."""
        self._directory.identities[client_id] = principal_id

    def application(self, principal_id: str) -> Application:
        """Register an application that acts as `principal_id` and logs in by its secret."""
        return self._client_credentials.register(principal_id)

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

    def token(self, resource: str, principal_id: str, client_id: str) -> tuple[str, int]:
        """Return a signed token and its expiry in epoch seconds."""
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
            "exp": now + TOKEN_SECONDS,
            "oid": principal_id,
            "sub": principal_id,
            "tid": self.tenant_id,
            "appid": client_id,
            "idtyp": "user" if client_id == AZURE_CLI else "app",
            "ver": "1.0",
        }
        if roles := sorted((known or {}).get(principal_id, ())):
            claims["roles"] = roles
        return jwt.encode(claims, self._key, "RS256", {"kid": self._key_id}), now + TOKEN_SECONDS

    def claims(self, token: str, audience: str) -> dict[str, Any]:
        """Return a token's claims. Raises RefusedError unless it is valid, of this tenant and for `audience`."""
        try:
            return jwt.decode(
                token, self._key.public_key(), algorithms=["RS256"], audience=audience, issuer=self.issuer
            )
        except jwt.PyJWTError as error:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, f"The access token is not valid: {error}.") from None

    def issue_to_application(self, target: str, header: str | None) -> dict[str, Any]:
        """Answer App Service's protocol. `target` is the path and query, `header` the X-IDENTITY-HEADER."""
        query = {name: values[-1] for name, values in parse_qs(urlsplit(target).query).items()}
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
        return {
            "access_token": token,
            "client_id": client_id,
            "expires_on": str(expires_on),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _issue_by_secret(self, target: str, form: Mapping[str, str]) -> dict[str, Any]:
        path = urlsplit(target).path
        if path not in (f"/{tenant}{TOKENS}" for tenant in (self.tenant_id, ADFS)):
            raise RefusedError(HTTPStatus.NOT_FOUND, f"no such path for tenant {self.tenant_id}: {path}")
        return self._client_credentials.answer(form)

    def _metadata(self, target: str, _header: str | None) -> dict[str, Any]:
        keys = f"/{self.tenant_id}/discovery/v2.0/keys"
        path = urlsplit(target).path
        if path == f"/{ADFS}/.well-known/openid-configuration":
            return {**self._configuration(ADFS), "issuer": self.issuer, "jwks_uri": self.authority + keys}
        if path == keys:
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
            return {"keys": [{**public, "kid": self._key_id, "use": "sig", "alg": "RS256", "issuer": self.issuer}]}
        if path == f"/{self.tenant_id}/v2.0/.well-known/openid-configuration":
            return {
                **self._configuration(self.tenant_id),
                "issuer": f"{self.authority}/{self.tenant_id}/v2.0",
                "jwks_uri": self.authority + keys,
            }
        raise RefusedError(HTTPStatus.NOT_FOUND, f"no such path for tenant {self.tenant_id}: {path}")

    def _configuration(self, tenant: str) -> dict[str, Any]:
        return {
            "authorization_endpoint": f"{self.authority}/{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.authority}/{tenant}{TOKENS}",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self._tokens, self._authority):
            server.shutdown()
            server.server_close()


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


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # many processes start at once; with the default of 5, some would wait a second


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def __init__(self, answer: Any, answer_form: Any, *args: Any) -> None:
        self._answer, self._answer_form = answer, answer_form
        super().__init__(*args)

    def do_GET(self) -> None:
        self._respond(lambda: self._answer(self.path, self.headers.get("X-IDENTITY-HEADER")))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self._answer_form is None or not length.isdecimal() or int(length) > FORM_BYTES:
            self.close_connection = True
            self.send_error(HTTPStatus.NOT_IMPLEMENTED)
            return
        form = parse_qs(self.rfile.read(int(length)).decode(errors="replace"))
        self._respond(lambda: self._answer_form(self.path, {name: values[-1] for name, values in form.items()}))

    def _respond(self, answer: Callable[[], dict[str, Any]]) -> None:
        try:
            status, body = HTTPStatus.OK, answer()
        except OAuthError as refusal:
            status, body = refusal.status, {"error": refusal.error, "error_description": str(refusal)}
        except RefusedError as refusal:
            status, body = refusal.status, {"statusCode": refusal.status.value, "message": str(refusal)}
        payload = json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):  # a client that was stopped does not wait for its answer
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing, since requests hold tokens."""
