"""A client of Azure Resource Manager, for operations without a resource in the Azure provider."""

from typing import TYPE_CHECKING

from stack.deployer import check_deployer, deployer_credential

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from azure.core.credentials import AccessToken

_RENEWED_SECONDS = 300.0  # before a token ends


def resource_manager(url: str, api_version: str, deployer: str | None, *, seconds: float) -> "httpx.Client":
    """Return a client for paths below `url`; each of its requests may take so many `seconds`.

    `deployer` is the object id of the provider's principal. The first request raises AnotherPrincipalError if the
    login is another one.
    """
    import httpx

    return httpx.Client(
        base_url=url, params={"api-version": api_version}, auth=_bearer(f"{url}/.default", deployer), timeout=seconds
    )


def _bearer(scope: str, deployer: str | None) -> "Callable[[httpx.Request], httpx.Request]":
    import time

    credential = deployer_credential()
    token: AccessToken | None = None

    def with_token(request: "httpx.Request") -> "httpx.Request":
        nonlocal token
        if token is None or token.expires_on - time.time() < _RENEWED_SECONDS:  # the CLI's is not kept by itself
            token = credential.get_token(scope)
            check_deployer(token.token, deployer)
        request.headers["Authorization"] = f"Bearer {token.token}"
        return request

    return with_token
