"""The function and the self-hosted media service together: what one sends, the other takes."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import azure.functions as func
import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.mgmt.media import AzureMediaServices
from azure.mgmt.media.models import JobOutputAsset
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.host import processes
from local.host.certificates import Certificates
from local.host.ports import free_port
from local.services.azurite import Azurite
from local.services.entra import Entra
from local.services.ingress import Ingress
from trigger import settings, upload
from trigger.lake import Lake
from trigger.media import MediaAccount
from trigger.names import job_name
from trigger.outcomes import Retry
from trigger.settings import Settings
from trigger.submission import Submission

type MakeEvent = Callable[..., func.EventGridEvent]
CONTAINER = "together"
GROUP, ACCOUNT, TRANSFORM, AUDIENCE = "group1", "account1", "faceredact", "api://media"
PRESET = {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "mode": "Combined", "blurType": "High"}


@pytest.fixture(scope="module")
def endpoint(
    azurite: Azurite,
    entra: Entra,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The service's API in a process of its own, with its transform as the graph declares it."""
    storage, key = azurite.endpoints["media1"], azurite.account_key("media1")
    with QueueServiceClient(storage.queue, credential=key) as queues:
        for name in ("together-jobs", "together-poison"):
            queues.create_queue(name)
    with TableServiceClient(storage.table, credential=key) as tables:
        for name in ("togetherassets", "togethertransforms", "togetherjobs"):
            tables.create_table(name)
    port = free_port()
    client_id = "11111111-1111-4111-8111-111111111111"
    subscription = "33333333-3333-4333-8333-333333333333"
    environment = {
        "PATH": os.defpath,
        "PORT": str(port),
        "AZURE_CLIENT_ID": client_id,
        "MEDIA_SUBSCRIPTION_ID": subscription,
        "MEDIA_RESOURCE_GROUP": GROUP,
        "MEDIA_ACCOUNT": ACCOUNT,
        "MEDIA_LOCATION": "westeurope",
        "MEDIA_STORAGE_ID": f"/subscriptions/{subscription}/resourceGroups/{GROUP}"
        "/providers/Microsoft.Storage/storageAccounts/media1",
        "MEDIA_TRANSFORMS": json.dumps({TRANSFORM: {"outputs": [{"preset": PRESET}]}}),
        "STORAGE_BLOB_ENDPOINT": storage.blob,
        "STORAGE_QUEUE_ENDPOINT": storage.queue,
        "STORAGE_TABLE_ENDPOINT": storage.table,
        "JOBS_QUEUE": "together-jobs",
        "POISON_QUEUE": "together-poison",
        "ASSETS_TABLE": "togetherassets",
        "TRANSFORMS_TABLE": "togethertransforms",
        "JOBS_TABLE": "togetherjobs",
        "TOKEN_AUTHORITY": entra.authority,
        "TOKEN_TENANT_ID": entra.tenant_id,
        "TOKEN_AUDIENCE": AUDIENCE,
        **entra.environment(client_id),
        **certificates.environment,
    }
    log = tmp_path_factory.mktemp("together") / "api.log"
    command = [sys.executable, "-m", "mediaservice", "api"]
    api = processes.start("api", command, environment=environment, log=log, folder=Path(__file__).parents[2])
    with api, Ingress(port, certificates) as tls:
        with httpx.Client(base_url=tls.url, verify=certificates.client_context) as http:
            api.until(lambda: http.get("/healthz").status_code == 200, 20)
        yield tls.url


@pytest.fixture
def wired(environment: dict[str, str], azurite: Azurite, endpoint: str) -> Settings:
    lake = azurite.endpoints["lake1"].blob
    return settings.read(
        environment
        | {"LAKE_BLOB_ENDPOINT": lake, "LAKE_DFS_ENDPOINT": lake, "UPLOAD_CONTAINER": CONTAINER}
        | {"MEDIA_ENDPOINT": endpoint, "MEDIA_AUDIENCE": AUDIENCE}
    )


def submission(settings: Settings, entra: Entra) -> Submission:
    credential = entra.credential()
    return Submission(settings, Lake(settings, credential), MediaAccount(settings, credential))


@pytest.fixture(scope="module")
def blobs(azurite: Azurite, entra: Entra) -> Iterator[BlobServiceClient]:
    with BlobServiceClient(azurite.endpoints["lake1"].blob, credential=entra.credential()) as client:
        client.create_container(CONTAINER)
        yield client


def uploaded(blobs: BlobServiceClient, make_event: MakeEvent, name: str) -> func.EventGridEvent:
    blob = blobs.get_blob_client(CONTAINER, name)
    etag = blob.upload_blob(b"not really a video", overwrite=True)["etag"]
    subject = f"/blobServices/default/containers/{CONTAINER}/blobs/{name}"
    return make_event(url=blob.url, subject=subject, eTag=etag.strip('"'))


@pytest.fixture
def media(wired: Settings, entra: Entra) -> Iterator[AzureMediaServices]:
    with AzureMediaServices(
        entra.credential(),
        wired.media_subscription_id,
        base_url=wired.media_endpoint,
        credential_scopes=[f"{AUDIENCE}/.default"],
    ) as client:
        yield client


@pytest.mark.parametrize("name", ["party.mp4", "2026/über 視頻 100% #1.mp4", "n" * 900 + ".mp4"])
def test_an_upload_is_one_queued_job_however_often_it_is_delivered(
    wired: Settings,
    entra: Entra,
    blobs: BlobServiceClient,
    make_event: MakeEvent,
    media: AzureMediaServices,
    name: str,
) -> None:
    event = uploaded(blobs, make_event, name)
    worker = submission(wired, entra)
    for _ in range(2):
        worker.handle(event)
    read = upload.read(event, wired)
    job = media.jobs.get(GROUP, ACCOUNT, TRANSFORM, job_name(read))
    assert job.state == "Queued"
    assert job.correlation_data == {
        "source": read.address.url,
        "eTag": read.etag,
        "eventId": event.id,
    }
    [output] = job.outputs or []
    assert isinstance(output, JobOutputAsset)
    asset = media.assets.get(GROUP, ACCOUNT, output.asset_name)
    assert str(asset.description).startswith("Faces redacted from https://")
    assert [job.name for job in media.jobs.list(GROUP, ACCOUNT, TRANSFORM)].count(job.name) == 1


def test_a_transform_that_is_not_there_yet_is_waited_for(
    wired: Settings,
    entra: Entra,
    blobs: BlobServiceClient,
    make_event: MakeEvent,
    media: AzureMediaServices,
) -> None:
    event = uploaded(blobs, make_event, "early.mp4")
    early = submission(replace(wired, media_transform="later"), entra)
    with pytest.raises(Retry):
        early.handle(event)
    with pytest.raises(ResourceNotFoundError):
        media.jobs.get(GROUP, ACCOUNT, TRANSFORM, job_name(upload.read(event, wired)))
