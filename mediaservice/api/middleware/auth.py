"""Authentication: all paths except the open ones require the tenant's bearer token with a suitable app role.

Refusals are 401 and 403 in the form of Azure Resource Manager.
"""

import hashlib
import time
from typing import Any

import jwt
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mediaservice.api.contract.problems import OdataResponse, body
from mediaservice.api.middleware.requests import HEALTH, READY
from mediaservice.api.middleware.signing_keys import KeysUnavailableError, SigningKeys
from mediaservice.model.authorship import author_of
from mediaservice.settings import Tokens

READ_WRITE = "Media.ReadWrite"
READ = "Media.Read"
DOCUMENT, DOCUMENTATION = "/openapi.json", "/docs"  # which show only the published contract
SCRIPT, STYLE = f"{DOCUMENTATION}/swagger-ui.js", f"{DOCUMENTATION}/swagger-ui.css"
OPEN = frozenset({HEALTH, READY, DOCUMENT, DOCUMENTATION, SCRIPT, STYLE})
CLOCK_SKEW_SECONDS = 300  # the allowance of Entra's libraries
# The time for which a valid token is not checked again, and the number of tokens remembered.
TRUST_SECONDS, TRUSTED = 60.0, 1000


class RefusedTokenError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TokenCheck:
    """Checks a token's signature, issuer, audience and times."""

    def __init__(self, tokens: Tokens, keys: SigningKeys) -> None:
        self._tokens = tokens
        self._keys = keys
        self._trusted: dict[bytes, tuple[dict[str, Any], float]] = {}  # digest → claims and end, the oldest first

    async def claims(self, token: str) -> dict[str, Any]:
        """Check a token and return its claims. Raises RefusedTokenError and KeysUnavailableError."""
        digest = hashlib.sha256(token.encode()).digest()
        claims, until = self._trusted.get(digest, ({}, 0.0))
        if time.time() < until:
            return claims
        claims = await self._checked(token)
        self._trusted.pop(digest, None)
        self._trusted[digest] = (claims, min(time.time() + TRUST_SECONDS, float(claims["exp"])))
        if len(self._trusted) > TRUSTED:
            del self._trusted[next(iter(self._trusted))]
        return claims

    async def _checked(self, token: str) -> dict[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            raise RefusedTokenError("InvalidAuthenticationToken", "The access token is invalid.") from None
        key = await self._keys.get(key_id) if isinstance(key_id, str) else None
        if not key:
            raise RefusedTokenError(
                "InvalidAuthenticationToken", "The access token is not signed by a key of this tenant."
            )
        try:
            return jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=list(self._tokens.audiences),
                issuer=list(self._tokens.issuers),
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise RefusedTokenError("ExpiredAuthenticationToken", "The access token has expired.") from None
        except jwt.InvalidAudienceError:
            allowed = ", ".join(self._tokens.audiences)
            raise RefusedTokenError(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for the wrong audience; it must be {allowed}.",
            ) from None
        except jwt.InvalidIssuerError:
            raise RefusedTokenError(
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer; it must be of tenant {self._tokens.tenant_id}.",
            ) from None
        except jwt.PyJWTError:
            raise RefusedTokenError("InvalidAuthenticationToken", "The access token is invalid.") from None


class Authentication:
    def __init__(self, app: ASGIApp, tokens: Tokens, keys: SigningKeys) -> None:
        self._app = app
        self._check = TokenCheck(tokens, keys)
        self._challenge = f'Bearer authorization_uri="{tokens.authority}/{tokens.tenant_id}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            refusal = await self._refusal(scope)
            if refusal:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        kind, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            return self._unauthorized(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        try:
            claims = await self._check.claims(token.strip())
        except RefusedTokenError as refused:
            return self._unauthorized(refused.code, str(refused))
        except KeysUnavailableError:
            message = "The keys that verify tokens are not available; please try again."
            return OdataResponse(body("ServiceUnavailable", message), 503, {"retry-after": "5"})
        scope["state"]["client"] = client = claims.get("appid") or claims.get("azp")
        scope["state"]["principal"] = claims.get("oid")
        scope["state"]["author"] = author_of(claims)
        roles = claims.get("roles")
        needed = {READ, READ_WRITE} if scope["method"] in ("GET", "HEAD") else {READ_WRITE}
        if not isinstance(roles, list) or needed.isdisjoint(role for role in roles if isinstance(role, str)):
            message = (
                f"The client '{client}' with object id '{claims.get('oid')}' does not have authorization to "
                f"perform {scope['method']} over scope '{scope['path']}'; it needs the app role "
                f"{' or '.join(sorted(needed))}."
            )
            return OdataResponse(body("AuthorizationFailed", message), 403)
        return None

    def _unauthorized(self, code: str, message: str) -> Response:
        challenge = f'{self._challenge}, error="invalid_token", error_description="{message}"'
        return OdataResponse(body(code, message), 401, {"www-authenticate": challenge})
