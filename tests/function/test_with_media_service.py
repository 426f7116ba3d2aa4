"""The function and the self-hosted media service together: the service accepts the function's requests."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.media import AzureMediaServices
from azure.mgmt.media.models import JobOutputAsset
from azure.storage.blob import BlobServiceClient

from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.function.lakes import ACCOUNT, AUDIENCE, GROUP, TRANSFORM
from trigger import settings, upload
from trigger.lake import Lake
from trigger.media import MediaAccount
from trigger.names import job_name
from trigger.outcomes import Retry
from trigger.progress import ProgressStore
from trigger.settings import Settings
from trigger.submission import Submission
from trigger.upload import Upload

type MakeEvent = Callable[..., func.EventGridEvent]
CONTAINER = "together"


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
    return Submission(
        settings,
        Lake(settings, credential),
        MediaAccount(settings, credential),
        ProgressStore(settings.reconcile_state, credential),
    )


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


def version(event: func.EventGridEvent, settings: Settings) -> Upload:
    said = upload.read(event, settings)
    assert said.etag
    return Upload(said.address, said.etag, said.event_id)


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
    read = version(event, wired)
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
        media.jobs.get(GROUP, ACCOUNT, TRANSFORM, job_name(version(event, wired)))
