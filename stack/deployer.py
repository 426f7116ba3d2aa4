"""The deployer: the login of Pulumi's Azure provider, for the program's own requests."""

import base64
import json
import os
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native.authorization.get_client_config import get_client_config_output

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # its application id, the client of a person who ran `az login`


class AnotherPrincipalError(Exception):
    """This program would act as another principal than Pulumi's Azure provider. The message names both."""


def deployer_principal(group: str | None) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """Return the deployer's object id and principal type: the Entra group `group`, or the current login."""
    if group:
        return pulumi.Output.from_input(group), pulumi.Output.from_input("Group")
    config = get_client_config_output()
    kind = config.client_id.apply(lambda client: "User" if client == _AZURE_CLI else "ServicePrincipal")
    return config.object_id, kind


def provider_principal() -> pulumi.Output[str]:
    """Return the object id of the Azure provider's principal."""
    return get_client_config_output().object_id


def deployer_credential() -> "TokenCredential":
    """Return the provider's login, found in the provider's order.

    That is its ARM_* variables (a certificate, a secret, OpenID Connect, a managed identity), else the Azure CLI's.
    azure-identity's DefaultAzureCredential would try others before the CLI, such as the AZURE_* variables or this
    virtual machine's identity, and act as another principal than the provider.
    """
    from azure.identity import (
        AzureCliCredential,
        CertificateCredential,
        ClientAssertionCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
    )

    tenant, client = os.environ.get("ARM_TENANT_ID"), os.environ.get("ARM_CLIENT_ID")
    if tenant and client:
        if certificate := os.environ.get("ARM_CLIENT_CERTIFICATE_PATH"):
            password = os.environ.get("ARM_CLIENT_CERTIFICATE_PASSWORD")
            return CertificateCredential(tenant, client, certificate, password=password)
        if secret := os.environ.get("ARM_CLIENT_SECRET"):
            return ClientSecretCredential(tenant, client, secret)
        if _is_on("ARM_USE_OIDC"):
            return ClientAssertionCredential(tenant, client, _oidc_token)
    if _is_on("ARM_USE_MSI"):
        return ManagedIdentityCredential(client_id=client or None)
    return AzureCliCredential(tenant_id=tenant or "", process_timeout=30)


def check_deployer(token: str, expected: str | None) -> None:
    """Compare an access token's principal with the provider's, `expected`.

    Raises AnotherPrincipalError. A token without its principal is accepted.
    """
    found = _claims(token).get("oid")
    if found and expected and str(found).lower() != expected.lower():
        raise AnotherPrincipalError(
            f"this program is logged in to Azure as {found}, and Pulumi's Azure provider as {expected}: "
            "log in to both as the same (`az login`, or the ARM_* variables instead of azure-native:clientId)"
        )


def _claims(token: str) -> dict[str, object]:
    """Return the token's claims, unverified, since they are only compared."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in {"true", "1"}


def _oidc_token() -> str:
    """Return the workflow's token: from the environment, or requested as GitHub documents for OpenID Connect."""
    if token := os.environ.get("ARM_OIDC_TOKEN"):
        return token
    import httpx

    # the address has a query of its own, which httpx's `params=` would replace
    address = httpx.URL(os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"])
    answer = httpx.get(
        address.copy_merge_params({"audience": "api://AzureADTokenExchange"}),
        headers={"Authorization": f"Bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["value"])
