"""The tenant's authority over https: its configuration and keys, sign-in, and tokens for secrets and for codes.

Source: "OpenID Connect on the Microsoft identity platform" (learn.microsoft.com).
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from local.host.certificates import Certificates
from local.services.authorization_code import RESPONSE_MODES, AuthorizationCodes, resource_of
from local.services.client_credentials import ClientCredentials
from local.services.people import PEOPLE, Person
from local.services.signing_key import SigningKey
from local.services.token_server import Answer, OAuthError, RefusedError, Request, TokenServer, in_json

# With this tenant, MSAL accepts the authority as it is. For others, it sends a request to Microsoft first.
ADFS = "adfs"
TOKENS, AUTHORIZE, SIGN_OUT = "/oauth2/v2.0/token", "/oauth2/v2.0/authorize", "/oauth2/v2.0/logout"
KEYS, CONFIGURATION = "/discovery/v2.0/keys", "/.well-known/openid-configuration"
PERSON_SECONDS = 3600  # of a token for a person


class Authority:
    """The server is `server`; starting it is the owner's. `issue` makes access tokens, as Entra.token."""

    def __init__(
        self,
        certificates: Certificates,
        tenant_id: str,
        issuer: str,
        key: SigningKey,
        issue: Callable[..., tuple[str, int]],
    ) -> None:
        self._tenant_id, self._issuer, self._key, self._issue = tenant_id, issuer, key, issue
        self.applications = ClientCredentials(issue)
        self.codes = AuthorizationCodes(PEOPLE, tenant_id, self._tokens_of)
        self.server = TokenServer(self._answer, self._cross_origin, certificates)

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"https://127.0.0.1:{self.server.server_port}"

    def _answer(self, request: Request) -> Answer:
        tenants = (self._tenant_id, ADFS)
        tenant = next((each for each in tenants if request.path.startswith(f"/{each}/")), self._tenant_id)
        path = request.path.removeprefix(f"/{tenant}")
        if request.method == "OPTIONS" and self.codes.allows(request.headers.get("origin")):
            return Answer(status=HTTPStatus.NO_CONTENT)
        if path == AUTHORIZE:
            return self.codes.authorize(request, self.url)
        if request.method == "POST" and path == TOKENS:
            return in_json(self._redeemed(request))
        if request.method == "GET" and path == SIGN_OUT:
            return self.codes.sign_out(request)
        if request.method == "GET" and path == (CONFIGURATION if tenant == ADFS else f"/v2.0{CONFIGURATION}"):
            return in_json(self._configuration(tenant))
        if request.method == "GET" and path == KEYS:
            return in_json({"keys": [self._key.published(self._issuer)]})
        raise RefusedError(HTTPStatus.NOT_FOUND, f"no such path for tenant {self._tenant_id}: {request.path}")

    def _redeemed(self, request: Request) -> dict[str, Any]:
        match request.parameters.get("grant_type"):
            case "client_credentials":
                return self.applications.answer(request.parameters)
            case "authorization_code":
                return self.codes.redeem(request.parameters, request.headers.get("origin"))
        raise OAuthError(
            "unsupported_grant_type", "AADSTS70003: The grant type must be client_credentials or authorization_code."
        )

    def _cross_origin(self, request: Request) -> Mapping[str, str]:
        """Let registered pages read answers, and no others. Nobody may read the sign-in page."""
        origin = request.headers.get("origin")
        if request.path.endswith(AUTHORIZE) or not self.codes.allows(origin):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": str(origin),
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "content-type",
        }

    def _tokens_of(self, client_id: str, person: Person, scope: str, nonce: str | None) -> dict[str, Any]:
        resource, permission = resource_of(scope, client_id)
        names = {"name": person.name, "preferred_username": person.username}
        claims = {"idtyp": "user", "scp": permission, "upn": person.username, **names}
        try:
            access, expires_on = self._issue(resource, person.principal_id, client_id, seconds=PERSON_SECONDS, **claims)
        except RefusedError as refusal:
            raise OAuthError("invalid_resource", str(refusal)) from None
        identity = {
            "iss": f"{self.url}/{self._tenant_id}/v2.0",
            "aud": client_id,
            "iat": expires_on - PERSON_SECONDS,
            "nbf": expires_on - PERSON_SECONDS,
            "exp": expires_on,
            "oid": person.principal_id,
            "sub": person.principal_id,
            "tid": self._tenant_id,
            "ver": "2.0",
            **names,
            **({"nonce": nonce} if nonce else {}),
        }
        return {
            "token_type": "Bearer",
            "scope": scope,
            "expires_in": PERSON_SECONDS,
            "ext_expires_in": PERSON_SECONDS,
            "access_token": access,
            "id_token": self._key.sign(identity),
        }

    def _configuration(self, tenant: str) -> dict[str, Any]:
        base = f"{self.url}/{tenant}"
        return {
            "issuer": self._issuer if tenant == ADFS else f"{base}/v2.0",
            "authorization_endpoint": base + AUTHORIZE,
            "token_endpoint": base + TOKENS,
            "end_session_endpoint": base + SIGN_OUT,
            "jwks_uri": f"{self.url}/{self._tenant_id}{KEYS}",
            "response_types_supported": ["code"],
            "response_modes_supported": list(RESPONSE_MODES),
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "subject_types_supported": ["public"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "none"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
