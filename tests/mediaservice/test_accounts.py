from typing import Any

import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.mediaservice.deployment import GROUP, SUBSCRIPTION, Service


def test_the_account_is_found_by_name_by_group_and_by_subscription(media: Any, service: Service) -> None:
    account = media.mediaservices.get(GROUP, service.account)
    assert (account.name, account.location, account.provisioning_state) == (service.account, "westeurope", "Succeeded")
    assert account.storage_accounts[0].type == "Primary"
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
