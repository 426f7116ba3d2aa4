"""Event Grid events in Azure's form, the function's settings, and the services that it calls."""

import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import azure.functions as func
import httpx
import pytest
from azure.data.tables import TableServiceClient
from azure.mgmt.media import AzureMediaServices
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueServiceClient

from local.host import processes
from local.host.certificates import Certificates
from local.host.ports import free_port
from local.services.azurite import Azurite
from local.services.entra import Entra
from local.services.ingress import Ingress
from tests.function.lakes import ACCOUNT, AUDIENCE, GROUP, TRANSFORM, Reconcile, deploy, made
from tests.function.recording import MediaService, recording
from trigger import settings
from trigger.settings import Settings


@pytest.fixture
def environment() -> dict[str, str]:
    """The function's settings in the graph's form, for an account in public Azure."""
    return {
        "AZURE_CLIENT_ID": "11111111-1111-4111-8111-111111111111",
        "LAKE_BLOB_ENDPOINT": "https://lake1.blob.core.windows.net/",
        "LAKE_DFS_ENDPOINT": "https://lake1.dfs.core.windows.net/",
        "UPLOAD_CONTAINER": "raw",
        "UPLOAD_ENDINGS": ".mp4,.mov",
        "SAS_HOURS": "24",
        "RECONCILE_STATE": "https://code1.blob.core.windows.net/reconciliation",
        "RECONCILE_EXISTING": "false",
        "MEDIA_ENDPOINT": "https://management.azure.com",
        "MEDIA_AUDIENCE": "https://management.azure.com",
        "MEDIA_SUBSCRIPTION_ID": "33333333-3333-4333-8333-333333333333",
        "MEDIA_RESOURCE_GROUP": "group1",
        "MEDIA_ACCOUNT": "account1",
        "MEDIA_TRANSFORM": "faceredact",
    }


@pytest.fixture
def public_azure(environment: dict[str, str]) -> Settings:
    return settings.read(environment)


type MakeEvent = Callable[..., func.EventGridEvent]


@pytest.fixture
def make_event() -> MakeEvent:
    """`make_event(url, subject=..., event_type=..., **data)`; a field of data that is None is left out."""

    def make(
        url: str | None = "https://lake1.blob.core.windows.net/raw/party.mp4",
        subject: str = "/blobServices/default/containers/raw/blobs/party.mp4",
        event_type: str = "Microsoft.Storage.BlobCreated",
        **data: object,
    ) -> func.EventGridEvent:
        fields: dict[str, object] = {
            "api": "PutBlob",
            "eTag": "0x8D4BCC2E4835CD0",
            "contentType": "video/mp4",
            "contentLength": 524288,
            "blobType": "BlockBlob",
            "url": url,
        }
        return func.EventGridEvent(
            id="831e1650-001e-001b-66ab-eeb76e069631",
            data={name: value for name, value in (fields | data).items() if value is not None},
            topic="/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/lake1",
            subject=subject,
            event_type=event_type,
            event_time=None,
            data_version="",
        )

    return make


@pytest.fixture
def media_service(certificates: Certificates) -> Iterator[MediaService]:
    with recording(certificates) as service:
        yield service


PRESET = {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "mode": "Combined", "blurType": "High"}


@pytest.fixture(scope="session")
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
            api.until(lambda: http.get("/healthz").status_code == 200, 60)
        yield tls.url


@pytest.fixture
def wired(environment: dict[str, str], azurite: Azurite, endpoint: str) -> Settings:
    """A container of uploads, and one for the progress, for this test alone."""
    account, name = azurite.endpoints["lake1"].blob, f"raw-{uuid.uuid4().hex}"
    return settings.read(
        environment
        | {"LAKE_BLOB_ENDPOINT": account, "LAKE_DFS_ENDPOINT": account, "UPLOAD_CONTAINER": name}
        | {"MEDIA_ENDPOINT": endpoint, "MEDIA_AUDIENCE": AUDIENCE, "RECONCILE_STATE": f"{account}state-{name}"}
    )


@pytest.fixture
def lake(wired: Settings, entra: Entra) -> Iterator[ContainerClient]:
    url = f"{wired.lake_blob_endpoint.url}/{wired.upload_container}"
    with ContainerClient.from_container_url(url, entra.credential()) as container:
        container.create_container()
        yield container


@pytest.fixture
def reconcile(wired: Settings, lake: ContainerClient, entra: Entra) -> Reconcile:
    """Reconcile as if it were that much later."""
    deploy(wired, entra)
    return lambda ahead: dict(made(wired, entra, ahead).run())


@pytest.fixture
def media(wired: Settings, entra: Entra) -> Iterator[AzureMediaServices]:
    with AzureMediaServices(
        entra.credential(),
        wired.media_subscription_id,
        base_url=wired.media_endpoint,
        credential_scopes=[f"{AUDIENCE}/.default"],
    ) as client:
        yield client


@pytest.fixture
def sources(wired: Settings, media: AzureMediaServices) -> Callable[[], list[str]]:
    """Return the names of uploads with a job, one per job."""

    def found() -> list[str]:
        start = f"{wired.lake_blob_endpoint.url}/{wired.upload_container}/"
        jobs = media.jobs.list(GROUP, ACCOUNT, TRANSFORM)
        named = [str((job.correlation_data or {}).get("source")) for job in jobs]
        return sorted(name.removeprefix(start) for name in named if name.startswith(start))

    return found
