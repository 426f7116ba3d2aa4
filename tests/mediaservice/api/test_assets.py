import asyncio
import concurrent.futures
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.media.models import Asset, ListContainerSasInput
from azure.storage.blob import ContainerClient
from fastapi import Response

from mediaservice.api.contract.bodies import AssetBody
from mediaservice.api.routes.assets import create_or_update
from mediaservice.model.assets import Asset as StoredAsset
from mediaservice.model.authorship import Author, AuthorKind
from mediaservice.settings import read_api
from mediaservice.store.account import open_store
from mediaservice.store.tables.table import Stored
from tests.mediaservice.deployment import ACCOUNT_NAME, GROUP, Deployment, Service

CALLER = Author("somebody@example.com", AuthorKind.USER)


def put(media: Any, service: Service, name: str, **properties: str) -> Any:
    return media.assets.create_or_update(GROUP, service.account, name, Asset(**properties))


def test_an_asset_is_made_with_a_private_container_of_its_own(media: Any, service: Service, name: str) -> None:
    asset = put(media, service, name, description="a", alternate_id="b")
    assert asset.container == f"asset-{asset.asset_id}"
    assert (asset.description, asset.alternate_id, asset.storage_account_name) == ("a", "b", ACCOUNT_NAME)
    with service.deployment.blobs as blobs:
        assert blobs.get_container_client(asset.container).get_container_properties().public_access is None
    assert media.assets.get(GROUP, service.account, name).asset_id == asset.asset_id


def test_putting_it_again_updates_it_and_keeps_its_container(media: Any, service: Service, name: str) -> None:
    first = put(media, service, name, description="a", alternate_id="b")
    second = put(media, service, name.upper(), description="c")
    assert (second.asset_id, second.container, second.created) == (first.asset_id, first.container, first.created)
    assert (second.description, second.alternate_id) == ("c", None)


def test_it_keeps_its_container_when_the_answer_to_its_writing_was_lost(
    deploy: Callable[[], Deployment], acting_as: Callable[[Deployment], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = deploy()
    acting_as(deployment)

    async def steps() -> None:
        settings = read_api(deployment.environment)
        async with open_store(settings) as store:
            insert = store.assets.insert

            async def twice(asset: StoredAsset) -> Stored[StoredAsset]:
                """Send a request twice, as the SDK does without an answer."""
                await insert(asset)
                return await insert(asset)

            monkeypatch.setattr(store.assets, "insert", twice)
            response = Response()
            asset = await create_or_update(settings.account, "one", AssetBody(), response, store, CALLER)
            assert response.status_code == 201
            assert await store.containers.files(asset["properties"]["container"], 1) == []

    asyncio.run(steps())


def test_a_patch_changes_what_it_names(media: Any, service: Service, name: str) -> None:
    put(media, service, name, description="a", alternate_id="b")
    patched = media.assets.update(GROUP, service.account, name, Asset(description="c"))
    assert (patched.description, patched.alternate_id) == ("c", "b")


def test_deleting_it_removes_its_container(media: Any, service: Service, name: str) -> None:
    asset = put(media, service, name)
    media.assets.delete(GROUP, service.account, name)
    media.assets.delete(GROUP, service.account, name)  # nothing left to delete is no error
    with pytest.raises(ResourceNotFoundError):
        media.assets.get(GROUP, service.account, name)
    with service.deployment.blobs as blobs:
        assert not blobs.get_container_client(asset.container).exists()


def test_a_container_can_be_chosen_when_it_is_made_and_not_later(media: Any, service: Service, name: str) -> None:
    chosen = f"chosen-{uuid.uuid4().hex[:8]}"
    assert put(media, service, name, container=chosen).container == chosen
    with pytest.raises(HttpResponseError, match="cannot be changed"):
        put(media, service, name, container="another")
    with pytest.raises(HttpResponseError, match="no blob container can be called"):
        put(media, service, f"{name}-2", container="A")
    with pytest.raises(HttpResponseError, match="this account has 'media1' only"):
        put(media, service, f"{name}-2", storage_account_name="other")


@pytest.mark.parametrize(
    ("permissions", "may_write"), [("Read", False), ("ReadWrite", True), ("ReadWriteDelete", True)]
)
def test_the_container_can_be_used_by_sas(
    media: Any, service: Service, name: str, permissions: str, may_write: bool
) -> None:
    put(media, service, name)
    expiry = datetime.now(UTC) + timedelta(hours=2)
    asked = ListContainerSasInput(permissions=permissions, expiry_time=expiry)
    urls = media.assets.list_container_sas(GROUP, service.account, name, asked).asset_container_sas_urls
    assert len(set(urls)) == 2
    for number, url in enumerate(urls):
        assert "spr=https" in url
        assert "skoid=" in url  # a user delegation SAS: by the service's identity, not by an account key
        with ContainerClient.from_container_url(url) as container:
            assert len(list(container.list_blob_names())) == (number if may_write else 0)
            if may_write:
                container.upload_blob(str(number), b"1")
            else:
                with pytest.raises((HttpResponseError, ClientAuthenticationError)) as refused:
                    container.upload_blob("a", b"1")
                assert refused.value.status_code == 403


@pytest.mark.parametrize("hours", [-1, 25])
def test_a_sas_is_for_a_day_at_most(media: Any, service: Service, name: str, hours: int) -> None:
    put(media, service, name)
    asked = ListContainerSasInput(permissions="Read", expiry_time=datetime.now(UTC) + timedelta(hours=hours))
    with pytest.raises(HttpResponseError, match="within 24 hours"):
        media.assets.list_container_sas(GROUP, service.account, name, asked)


def test_a_sas_for_a_day_may_be_asked_for_by_a_clock_that_is_a_little_fast(
    media: Any, service: Service, name: str
) -> None:
    put(media, service, name)
    expiry = datetime.now(UTC) + timedelta(hours=24, seconds=120)
    asked = ListContainerSasInput(permissions="Read", expiry_time=expiry)
    assert media.assets.list_container_sas(GROUP, service.account, name, asked).asset_container_sas_urls


def test_there_are_no_streaming_locators(media: Any, service: Service, name: str) -> None:
    put(media, service, name)
    assert media.assets.list_streaming_locators(GROUP, service.account, name).streaming_locators == []


def test_assets_are_found_by_their_ids(media: Any, service: Service, name: str) -> None:
    asset = put(media, service, name, alternate_id=f"it's {name}")
    put(media, service, f"{name}-2", alternate_id="other")

    def found(condition: str) -> list[str]:
        return [each.name for each in media.assets.list(GROUP, service.account, filter=condition)]

    assert found(f"properties/assetId eq '{asset.asset_id}'") == [name]
    assert found(f"properties/alternateId eq 'it''s {name}'") == [name]
    assert found(f"name eq '{name}'") == [name]
    assert found(f"name eq '{name}' and properties/alternateId eq 'other'") == []
    assert found(f"properties/created eq {asset.created.isoformat()}") == [name]


def test_top_bounds_the_whole_list(media: Any, service: Service, name: str) -> None:
    for number in range(3):
        put(media, service, f"{name}-{number}")
    newest = list(media.assets.list(GROUP, service.account, top=2))
    assert [asset.name for asset in newest] == [f"{name}-2", f"{name}-1"]


def test_a_container_is_one_assets_at_most_and_stays_with_it(media: Any, service: Service, name: str) -> None:
    asset = put(media, service, name, container=f"c-{name}")
    with service.deployment.blobs as blobs:
        blobs.get_blob_client(asset.container, "video.mp4").upload_blob(b"1")
        for other in (f"{name}-2", f"{name}-3"):
            with pytest.raises(HttpResponseError, match="another Asset has already"):
                put(media, service, other, container=asset.container)
            media.assets.delete(GROUP, service.account, other)
        assert blobs.get_blob_client(asset.container, "video.mp4").exists()


def test_a_container_may_be_had_again_when_its_asset_is_gone(media: Any, service: Service, name: str) -> None:
    for again in ("", "-2"):
        assert put(media, service, name + again, container=f"c-{name}").container == f"c-{name}"
        media.assets.delete(GROUP, service.account, name + again)


def test_of_two_who_want_a_container_at_the_same_moment_one_has_it(service: Service, name: str) -> None:
    with service.client() as media, concurrent.futures.ThreadPoolExecutor(4) as pool:

        def one(number: int) -> bool:
            try:
                put(media, service, f"{name}-{number}", container=f"c-{name}")
            except HttpResponseError as error:
                assert error.status_code == 400
                return False
            return True

        assert sum(pool.map(one, range(4))) == 1


def test_a_container_with_files_that_this_account_has_not_made_is_not_adopted(
    media: Any, service: Service, name: str
) -> None:
    with service.deployment.blobs as blobs:
        blobs.create_container(f"full-{name}").upload_blob("others", b"1")
        blobs.create_container(f"empty-{name}")
        with pytest.raises(HttpResponseError, match="holds files"):
            put(media, service, name, container=f"full-{name}")
        assert put(media, service, name, container=f"empty-{name}").container == f"empty-{name}"
        assert blobs.get_blob_client(f"full-{name}", "others").exists()


@pytest.mark.parametrize("container", ["dead-letters", "$logs", "$web", "$root"])
def test_the_graphs_and_the_platforms_containers_are_not_to_be_had(
    media: Any, service: Service, name: str, container: str
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        put(media, service, name, container=container)
    assert refused.value.status_code == 400
