"""Every operation by the SDK's asynchronous client."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.media.aio import AzureMediaServices
from azure.mgmt.media.models import (
    Asset,
    FaceDetectorPreset,
    Job,
    JobInputHttp,
    JobInputs,
    JobOutputAsset,
    ListContainerSasInput,
    Transform,
    TransformOutput,
)

from local.services.entra import Entra
from tests.mediaservice.api.test_accounts import NOT_OFFERED
from tests.mediaservice.deployment import AUDIENCE, GROUP, SUBSCRIPTION, Deployment, Service

Steps = Callable[[Any], Awaitable[None]]


class _Credential:
    def __init__(self, entra: Entra) -> None:
        self._credential = entra.credential()

    async def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return self._credential.get_token(*scopes)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "_Credential":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@pytest.fixture
def with_client(service: Service, acting_as: Callable[[Deployment], None]) -> Callable[[Steps], None]:
    acting_as(service.deployment)

    async def run(steps: Steps) -> None:
        scopes = [f"{AUDIENCE}/.default"]
        credential = _Credential(service.entra)
        async with AzureMediaServices(credential, SUBSCRIPTION, service.url, credential_scopes=scopes) as client:
            await steps(client)

    return lambda steps: asyncio.run(run(steps))


def test_accounts(with_client: Callable[[Steps], None], service: Service) -> None:
    async def steps(client: Any) -> None:
        assert (await client.mediaservices.get(GROUP, service.account)).name == service.account
        assert [each.name async for each in client.mediaservices.list(GROUP)] == [service.account]
        assert [each.name async for each in client.mediaservices.list_by_subscription()] == [service.account]
        for operation in NOT_OFFERED.values():
            with pytest.raises(HttpResponseError, match="This account does not offer"):
                await operation(client, (GROUP, service.account))

    with_client(steps)


def test_assets(with_client: Callable[[Steps], None], service: Service, name: str) -> None:
    async def steps(client: Any) -> None:
        at = (GROUP, service.account, name)
        made = await client.assets.create_or_update(*at, Asset(description="one", alternate_id=name))
        assert (await client.assets.get(*at)).asset_id == made.asset_id
        assert (await client.assets.update(*at, Asset(description="two"))).description == "two"
        filtered = client.assets.list(GROUP, service.account, filter=f"properties/alternateId eq '{name}'")
        assert [each.name async for each in filtered] == [name]
        sas = await client.assets.list_container_sas(*at, ListContainerSasInput(permissions="Read"))
        assert f"/{made.container}?" in sas.asset_container_sas_urls[0]
        assert (await client.assets.list_streaming_locators(*at)).streaming_locators == []
        await client.assets.delete(*at)
        with pytest.raises(ResourceNotFoundError):
            await client.assets.get(*at)

    with_client(steps)


def test_transforms_and_jobs(with_client: Callable[[Steps], None], service: Service, name: str) -> None:
    async def steps(client: Any) -> None:
        at = (GROUP, service.account, name)
        output = TransformOutput(preset=FaceDetectorPreset(mode="Combined"))
        assert (await client.transforms.create_or_update(*at, Transform(outputs=[output]))).name == name
        assert (await client.transforms.update(*at, Transform(description="d"))).description == "d"
        assert (await client.transforms.get(*at)).outputs[0].preset.mode == "Combined"
        assert name in [each.name async for each in client.transforms.list(GROUP, service.account)]

        await client.assets.create_or_update(*at, Asset())
        given = JobInputHttp(files=["https://lake1/a.mp4"])
        job = Job(input=given, outputs=[JobOutputAsset(asset_name=name)])
        assert (await client.jobs.create(*at, "one", job)).state == "Queued"
        listed = Job(input=JobInputs(inputs=[given]), outputs=job.outputs)
        assert len((await client.jobs.create(*at, "two", listed)).input.inputs) == 1
        with pytest.raises(ResourceExistsError):
            await client.jobs.create(*at, "one", job)
        raised = Job(input=JobInputHttp(), outputs=[], priority="High")
        assert (await client.jobs.update(*at, "one", raised)).priority == "High"
        queued = client.jobs.list(*at, filter="properties/state eq Microsoft.Media.JobState'Queued'")
        assert [each.name async for each in queued] == ["two", "one"]
        await client.jobs.cancel_job(*at, "two")
        await client.jobs.cancel_job(*at, "one")
        assert (await client.jobs.get(*at, "one")).state == "Canceled"
        await client.jobs.delete(*at, "one")
        await client.transforms.delete(*at)
        with pytest.raises(ResourceNotFoundError):
            await client.transforms.get(*at)

    with_client(steps)
