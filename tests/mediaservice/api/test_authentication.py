"""Accepted tokens, and the answers to others."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mediaservice.api.middleware.auth import CLOCK_SKEW_SECONDS
from tests.mediaservice.deployment import AUDIENCE, Service

Call = Callable[..., httpx.Response]
READER = "55555555-5555-4555-8555-555555555555"


@pytest.fixture
def call(service: Service) -> Call:
    def call(token: str | None, method: str = "GET", path: str = "") -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        params = {"api-version": "2022-07-01"}
        return service.http.request(method, service.path + path, params=params, headers=headers)

    return call


@pytest.fixture
def forge(service: Service) -> Callable[..., str]:
    """Make a token with chosen claims, signed by the tenant's own key."""

    def forge(key: Any = None, key_id: str | None = None, **claims: Any) -> str:
        now = int(time.time())
        good: dict[str, Any] = {
            "iss": service.entra.issuer,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "oid": str(uuid.uuid4()),
            "roles": ["Media.ReadWrite"],
        }
        payload = {name: value for name, value in (good | claims).items() if value is not None}
        own = service.entra.key
        headers = {"kid": key_id or own.key_id}
        return jwt.encode(payload, key or own.private, "RS256", headers)

    return forge


def test_a_good_token_is_accepted(call: Call, forge: Callable[..., str]) -> None:
    assert call(forge()).status_code == 200


def test_a_token_of_the_second_endpoint_is_accepted(call: Call, forge: Callable[..., str], service: Service) -> None:
    issuer = f"{service.entra.authority}/{service.entra.tenant_id}/v2.0"
    assert call(forge(iss=issuer)).status_code == 200


def test_without_a_token_the_answer_is_401_and_says_where_to_get_one(call: Call, service: Service) -> None:
    answer = call(None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith(f'Bearer authorization_uri="{service.entra.authority}/{service.entra.tenant_id}"')


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "api://other"}, "InvalidAuthenticationTokenAudience"),
        ({"aud": None}, "InvalidAuthenticationToken"),
        ({"iss": "https://sts.windows.net/66666666-6666-4666-8666-666666666666/"}, "InvalidAuthenticationTokenTenant"),
        ({"exp": int(time.time()) - 3600}, "ExpiredAuthenticationToken"),
        ({"exp": None}, "InvalidAuthenticationToken"),
        ({"nbf": int(time.time()) + 3600}, "InvalidAuthenticationToken"),
    ],
)
def test_a_token_that_is_not_for_this_api_or_not_for_now_is_refused(
    call: Call, forge: Callable[..., str], claims: dict[str, Any], code: str
) -> None:
    answer = call(forge(**claims))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_is_good_no_longer_than_it_lasts(call: Call, forge: Callable[..., str]) -> None:
    token = forge(exp=int(time.time()) - CLOCK_SKEW_SECONDS + 2)
    assert call(token).status_code == 200
    deadline = time.monotonic() + 10
    while call(token).status_code == 200:
        assert time.monotonic() < deadline, "it is still good"


def test_a_token_signed_by_another_key_is_refused(call: Call, forge: Callable[..., str]) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert call(forge(stranger)).status_code == 401
    assert call(forge(stranger, key_id="unknown")).status_code == 401


def test_a_token_without_signature_is_refused(call: Call, service: Service) -> None:
    payload = {"iss": service.entra.issuer, "aud": AUDIENCE, "exp": time.time() + 60, "roles": ["Media.ReadWrite"]}
    unsigned = jwt.encode(payload, "", "none", {"kid": service.entra.key.key_id})
    assert call(unsigned).status_code == 401
    symmetric = jwt.encode(payload, "x" * 32, "HS256", {"kid": service.entra.key.key_id})
    assert call(symmetric).status_code == 401
    assert call("nonsense").status_code == 401


@pytest.mark.parametrize("roles", [None, [], ["Media.Admin"], "Media.ReadWrite"])
def test_a_token_without_the_role_is_forbidden(call: Call, forge: Callable[..., str], roles: object) -> None:
    answer = call(forge(roles=roles))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")


def test_a_reader_may_look_and_change_nothing(call: Call, service: Service) -> None:
    service.entra.grant(AUDIENCE, READER, ["Media.Read"])
    token = service.token(READER)
    assert call(token, "GET", "/assets").status_code == 200
    for method, path in (("PUT", "/assets/a"), ("DELETE", "/assets/a"), ("POST", "/assets/a/listContainerSas")):
        assert call(token, method, path).status_code == 403


@pytest.mark.parametrize(
    "path", ["/docs/x", "/openapi.json/", "/redoc", "/", "/healthz/x", "/readyz/", "/subscriptions"]
)
def test_everything_but_health_and_the_published_document_wants_a_token(service: Service, path: str) -> None:
    assert service.http.get(path).status_code == 401
