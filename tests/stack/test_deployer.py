"""The program's own requests use the principal of Pulumi's Azure provider."""

import json
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from azure.identity import (
    AzureCliCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

from local.host.certificates import Certificates
from local.host.environment import changed_environment
from local.services.entra import Entra
from stack.deployer import AnotherPrincipalError, _oidc_token, check_deployer, deployer_credential
from tests.conftest import CLIENT_ID, PRINCIPAL_ID
from tests.https import https_server

LOGINS = ("ARM_", "AZURE_", "IDENTITY_", "MSI_")
APPLICATION = {"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c"}
# Logins that azure-identity's DefaultAzureCredential prefers to the Azure CLI's, and the provider does not.
ANOTHER = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s", "IDENTITY_ENDPOINT": "http://vm"}


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, AzureCliCredential),
        (ANOTHER, AzureCliCredential),
        (APPLICATION, AzureCliCredential),
        ({**APPLICATION, "ARM_CLIENT_SECRET": "s"}, ClientSecretCredential),
        ({**APPLICATION, "ARM_CLIENT_SECRET": "s", "ARM_USE_OIDC": "true"}, ClientSecretCredential),
        ({**APPLICATION, "ARM_USE_OIDC": "true"}, ClientAssertionCredential),
        ({"ARM_USE_MSI": "true"}, ManagedIdentityCredential),
        ({"ARM_USE_MSI": "true", "ARM_CLIENT_ID": "c"}, ManagedIdentityCredential),
    ],
)
def test_the_login_is_the_azure_providers_own(environment: dict[str, str], kind: type) -> None:
    with changed_environment(environment, without=LOGINS):
        assert isinstance(deployer_credential(), kind)


def test_a_managed_identity_that_deploys_is_the_one_that_is_named(entra: Entra) -> None:
    with changed_environment(entra.deployer_environment(CLIENT_ID), without=LOGINS):
        token = deployer_credential().get_token("https://management.azure.com/.default").token
    check_deployer(token, PRINCIPAL_ID)


def test_a_workflows_token_is_requested_at_its_whole_address_with_the_audience_added(
    certificates: Certificates,
) -> None:
    """GitHub's address has a query of its own."""

    class Workflow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            asked = query == {"api-version": ["2.0"], "audience": ["api://AzureADTokenExchange"]}
            body = json.dumps({"value": "token"} if asked else query).encode()
            self.send_response(200 if asked and self.headers["Authorization"] == "Bearer request" else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with https_server(Workflow, certificates) as port:
        variables = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://127.0.0.1:{port}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request",
            **certificates.environment,
        }
        with changed_environment(variables, without=LOGINS):
            assert _oidc_token() == "token"


def test_another_principal_than_the_providers_is_named_and_stops() -> None:
    token = jwt.encode({"oid": "somebody"}, "x" * 32, "HS256")
    check_deployer(token, "Somebody")
    with pytest.raises(AnotherPrincipalError) as stopped:
        check_deployer(token, "another")
    message = str(stopped.value)
    assert "logged in to Azure as somebody" in message
    assert "provider as another" in message
    assert "\n" not in message


@pytest.mark.parametrize("token", ["opaque", "a.b.c", jwt.encode({"sub": "x"}, "x" * 32, "HS256")])
def test_a_token_that_names_nobody_is_let_through(token: str) -> None:
    check_deployer(token, "another")
