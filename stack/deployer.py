"""The deployer: the login of Pulumi's Azure provider, for the program's own requests."""

import os
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native.authorization.get_client_config import get_client_config_output

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # its application id, the client of a person who ran `az login`


def deployer_principal(group: str | None) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """Return the deployer's object id and principal type: the Entra group `group`, or the current login."""
    if group:
        return pulumi.Output.from_input(group), pulumi.Output.from_input("Group")
    config = get_client_config_output()
    kind = config.client_id.apply(lambda client: "User" if client == _AZURE_CLI else "ServicePrincipal")
    return config.object_id, kind


def deployer_credential() -> "TokenCredential":
    """Return Pulumi's login: the ARM_* variables of its Azure provider, else azure-identity's default (`az login`)."""
    from azure.identity import ClientAssertionCredential, ClientSecretCredential, DefaultAzureCredential

    tenant, client = os.environ.get("ARM_TENANT_ID"), os.environ.get("ARM_CLIENT_ID")
    if tenant and client:
        if secret := os.environ.get("ARM_CLIENT_SECRET"):
            return ClientSecretCredential(tenant, client, secret)
        if os.environ.get("ARM_USE_OIDC", "").lower() == "true":
            return ClientAssertionCredential(tenant, client, _oidc_token)
    return DefaultAzureCredential()


def _oidc_token() -> str:
    """Return the workflow's token: from the environment, or requested as GitHub documents for OpenID Connect."""
    if token := os.environ.get("ARM_OIDC_TOKEN"):
        return token
    import httpx

    answer = httpx.get(
        os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"],
        params={"audience": "api://AzureADTokenExchange"},
        headers={"Authorization": f"Bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["value"])
