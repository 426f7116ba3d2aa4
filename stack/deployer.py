"""Who deploys: the login that Pulumi's Azure provider uses, for what this program does itself."""

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
    """This program would act as somebody else than Pulumi's Azure provider; one line that names both."""


def deployer_principal(group: str | None) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """The object id and principal type of who deploys: the Entra group with the object id `group`, or who runs this."""
    if group:
        return pulumi.Output.from_input(group), pulumi.Output.from_input("Group")
    config = get_client_config_output()
    kind = config.client_id.apply(lambda client: "User" if client == _AZURE_CLI else "ServicePrincipal")
    return config.object_id, kind


def provider_principal() -> pulumi.Output[str]:
    """The object id of the principal that the Azure provider acts as."""
    return get_client_config_output().object_id


def deployer_credential() -> "TokenCredential":
    """Return the provider's own login, found in the provider's own order.

    That is its ARM_* variables (a certificate, a secret, OpenID Connect, a managed identity), else the Azure CLI's.
    azure-identity's DefaultAzureCredential would ask others before the CLI, such as the AZURE_* variables or the
    virtual machine that this runs on, and act as another principal than the provider.
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

    Raises AnotherPrincipalError. A token that does not name its principal is let through.
    """
    found = _claims(token).get("oid")
    if found and expected and str(found).lower() != expected.lower():
        raise AnotherPrincipalError(
            f"this program is logged in to Azure as {found}, and Pulumi's Azure provider as {expected}: "
            "log in to both as the same (`az login`, or the ARM_* variables instead of azure-native:clientId)"
        )


def _claims(token: str) -> dict[str, object]:
    """The token's claims, unverified: it is not trusted, only compared."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in {"true", "1"}


def _oidc_token() -> str:
    """The workflow's own token: given outright, or asked of GitHub as its documentation on OpenID Connect says."""
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
