"""The key that signs the local tenant's tokens."""

import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


class SigningKey:
    def __init__(self) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = secrets.token_urlsafe(16)

    def sign(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self.private, "RS256", {"kid": self.key_id})

    def verify(self, token: str, audience: str, issuer: str) -> dict[str, Any]:
        """Return a token's claims. Raises jwt.PyJWTError."""
        return jwt.decode(token, self.private.public_key(), algorithms=["RS256"], audience=audience, issuer=issuer)

    def published(self, issuer: str) -> dict[str, Any]:
        """Return the public key as in a tenant's key set."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.key_id, "use": "sig", "alg": "RS256", "issuer": issuer}
