"""An Event Grid event as Azure shapes it, the function's settings, and what it talks to."""

from collections.abc import Callable, Iterator

import azure.functions as func
import pytest

from local.host.certificates import Certificates
from tests.function.recording import MediaService, recording
from trigger import settings
from trigger.settings import Settings


@pytest.fixture
def environment() -> dict[str, str]:
    """The function's settings as the graph gives them, for an account in public Azure."""
    return {
        "AZURE_CLIENT_ID": "11111111-1111-4111-8111-111111111111",
        "LAKE_BLOB_ENDPOINT": "https://lake1.blob.core.windows.net/",
        "LAKE_DFS_ENDPOINT": "https://lake1.dfs.core.windows.net/",
        "UPLOAD_CONTAINER": "raw",
        "SAS_HOURS": "24",
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
