from typing import Any

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

from local.host.certificates import Certificates
from local.services.client_credentials import Application
from local.services.entra import Entra

CLIENT = "c1111111-1111-4111-8111-111111111111"
PRINCIPAL = "d2222222-2222-4222-8222-222222222222"
STORAGE = "https://storage.azure.com/.default"


@pytest.fixture
def acting(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> Entra:
    """This process as an application with one managed identity."""
    entra.register(CLIENT, PRINCIPAL)
    entra.grant("api://tested", PRINCIPAL, ["Media.Read", "Media.ReadWrite"])
    for name, value in entra.environment(CLIENT).items():
        monkeypatch.setenv(name, value)
    return entra


def verified(entra: Entra, certificates: Certificates, token: str, audience: str) -> dict[str, Any]:
    """Verify a token as any service does, by the keys that the tenant publishes."""
    configuration = f"{entra.authority}/{entra.tenant_id}/v2.0/.well-known/openid-configuration"
    published = httpx.get(configuration, verify=certificates.client_context).json()
    keys = jwt.PyJWKClient(published["jwks_uri"], ssl_context=certificates.client_context)
    signing_key = keys.get_signing_key_from_jwt(token)
    return jwt.decode(token, signing_key, ["RS256"], audience=audience, issuer=entra.issuer)


def test_azure_identity_gets_a_token_that_the_published_keys_verify(acting: Entra, certificates: Certificates) -> None:
    with DefaultAzureCredential(managed_identity_client_id=CLIENT) as credential:
        token = credential.get_token("api://tested/.default").token
    claims = verified(acting, certificates, token, "api://tested")
    assert (claims["oid"], claims["appid"], claims["tid"]) == (PRINCIPAL, CLIENT, acting.tenant_id)
    assert claims["roles"] == ["Media.Read", "Media.ReadWrite"]


def test_roles_are_for_their_own_audience_only(acting: Entra, certificates: Certificates) -> None:
    with ManagedIdentityCredential(client_id=CLIENT) as credential:
        token = credential.get_token(STORAGE).token
    assert "roles" not in verified(acting, certificates, token, "https://storage.azure.com")


def test_an_identity_that_the_application_was_not_given_is_refused(acting: Entra) -> None:
    other = "e3333333-3333-4333-8333-333333333333"
    acting.register(other, PRINCIPAL)
    with (
        ManagedIdentityCredential(client_id=other) as credential,
        pytest.raises(ClientAuthenticationError, match="No User Assigned or Delegated Managed Identity"),
    ):
        credential.get_token(STORAGE)


def test_an_unknown_api_is_refused(acting: Entra) -> None:
    with (
        ManagedIdentityCredential(client_id=CLIENT) as credential,
        pytest.raises(ClientAuthenticationError, match="api://nobody was not found"),
    ):
        credential.get_token("api://nobody/.default")


@pytest.mark.parametrize("header", [{}, {"X-IDENTITY-HEADER": "guess"}])
def test_no_token_without_the_right_header(entra: Entra, header: dict[str, str]) -> None:
    endpoint = entra.environment(CLIENT)["IDENTITY_ENDPOINT"]
    query = {"api-version": "2019-08-01", "resource": "https://storage.azure.com", "client_id": CLIENT}
    assert httpx.get(endpoint, params=query, headers=header).status_code == 401


def test_the_developer_is_a_principal_of_the_same_tenant(entra: Entra, certificates: Certificates) -> None:
    entra.grant("api://tested", entra.developer_id, ["Media.Read"])
    token = entra.credential().get_token("api://tested/.default").token
    claims = verified(entra, certificates, token, "api://tested")
    assert (claims["oid"], claims["roles"]) == (entra.developer_id, ["Media.Read"])


@pytest.fixture
def application(entra: Entra, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Application:
    """An application with PRINCIPAL's rights, by the variables that azure-identity reads."""
    entra.grant("api://tested", PRINCIPAL, ["Media.ReadWrite"])
    made = entra.application(PRINCIPAL)
    variables = {
        "AZURE_AUTHORITY_HOST": entra.authority,
        "AZURE_TENANT_ID": "adfs",
        "AZURE_CLIENT_ID": made.client_id,
        "AZURE_CLIENT_SECRET": made.secret,
        **certificates.environment,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return made


def test_an_application_gets_tokens_by_its_secret(
    entra: Entra, certificates: Certificates, application: Application
) -> None:
    by_secret = ClientSecretCredential("adfs", application.client_id, application.secret, authority=entra.authority)
    with by_secret, DefaultAzureCredential() as by_default:
        for credential in (by_secret, by_default):
            claims = verified(entra, certificates, credential.get_token("api://tested/.default").token, "api://tested")
            assert (claims["oid"], claims["appid"], claims["idtyp"]) == (PRINCIPAL, application.client_id, "app")
            assert claims["roles"] == ["Media.Read", "Media.ReadWrite"] or claims["roles"] == ["Media.ReadWrite"]
            verified(entra, certificates, credential.get_token(STORAGE).token, "https://storage.azure.com")


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "unknown"}, 400, "unauthorized_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "api://tested"}, 400, "invalid_scope"),
        ({"scope": "/.default"}, 400, "invalid_scope"),
    ],
)
def test_a_request_for_a_token_that_is_wrong_is_refused_in_oauths_words(
    entra: Entra, certificates: Certificates, application: Application, changed: dict[str, str], status: int, error: str
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": application.client_id,
        "client_secret": application.secret,
        "scope": "api://tested/.default",
    }
    address = f"{entra.authority}/{entra.tenant_id}/oauth2/v2.0/token"
    answer = httpx.post(address, data=form | changed, verify=certificates.client_context)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert httpx.post(address, data=form, verify=certificates.client_context).json()["token_type"] == "Bearer"
