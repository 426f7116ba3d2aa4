"""Event Grid events in Azure's form, the function's settings, and the services that it calls."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import azure.functions as func
import httpx
import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from local.host import processes
from local.host.certificates import Certificates
from local.host.ports import free_port
from local.services.azurite import Azurite
from local.services.entra import Entra
from local.services.ingress import Ingress
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


GROUP, ACCOUNT, TRANSFORM, AUDIENCE = "group1", "account1", "faceredact", "api://media"
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
