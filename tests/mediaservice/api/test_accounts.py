import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.media.models import ListEdgePoliciesInput, MediaService, MediaServiceUpdate, SyncStorageKeysInput

from tests.mediaservice.deployment import GROUP, SUBSCRIPTION, Service


def test_the_account_is_found_by_name_by_group_and_by_subscription(media: Any, service: Service) -> None:
    account = media.mediaservices.get(GROUP, service.account)
    assert (account.name, account.location, account.provisioning_state) == (service.account, "westeurope", "Succeeded")
    assert account.storage_accounts[0].type == "Primary"
    assert uuid.UUID(str(account.media_service_id))
    assert (account.encryption.type, account.identity.type) == ("SystemKey", "None")
    assert account.key_delivery.access_control.default_action == "Allow"
    assert [each.id for each in media.mediaservices.list(GROUP)] == [account.id]
    assert [each.id for each in media.mediaservices.list_by_subscription()] == [account.id]


def test_ids_are_lower_case_whatever_the_request_used(service: Service) -> None:
    path = service.path.replace("resourceGroups", "RESOURCEGROUPS").replace("Microsoft.Media", "microsoft.media")
    answer = service.http.get(
        path.replace("mediaServices", "MEDIASERVICES"),
        params={"api-version": "2021-11-01"},
        headers={"authorization": f"Bearer {service.token()}"},
    )
    assert answer.json()["id"] == (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Media/mediaservices/{service.account}"
    )
    assert answer.json()["type"] == "Microsoft.Media/mediaservices"


def test_an_account_that_is_not_this_one_is_not_found(media: Any) -> None:
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        media.mediaservices.get(GROUP, "another")
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        list(media.mediaservices.list("another"))


# Operations of Media Services that are not offered: creation of accounts, and encryption of assets.
NOT_OFFERED: dict[str, Callable[[Any, tuple[str, str]], Any]] = {
    "create_or_update": lambda client, at: client.mediaservices.begin_create_or_update(*at, MediaService(location="x")),
    "update": lambda client, at: client.mediaservices.begin_update(*at, MediaServiceUpdate()),
    "delete": lambda client, at: client.mediaservices.delete(*at),
    "sync_storage_keys": lambda client, at: client.mediaservices.sync_storage_keys(*at, SyncStorageKeysInput()),
    "list_edge_policies": lambda client, at: client.mediaservices.list_edge_policies(*at, ListEdgePoliciesInput()),
    "get_encryption_key": lambda client, at: client.assets.get_encryption_key(*at, "asset"),
}


@pytest.mark.parametrize("operation", NOT_OFFERED)
def test_an_operation_that_is_not_offered_says_so(media: Any, service: Service, operation: str) -> None:
    with pytest.raises(HttpResponseError, match="This account does not offer") as refused:
        NOT_OFFERED[operation](media, (GROUP, service.account))
    assert refused.value.status_code in (404, 405)


def test_another_subscription_is_not_found(service: Service) -> None:
    answer = service.http.get(
        service.path.replace(SUBSCRIPTION, "44444444-4444-4444-8444-444444444444"),
        params={"api-version": "2021-11-01"},
        headers={"authorization": f"Bearer {service.token()}"},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SubscriptionNotFound")


def test_health_needs_no_token_and_no_version(service: Service) -> None:
    answer: httpx.Response = service.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
