from collections.abc import Callable

import azure.functions as func
import pytest

from trigger import upload
from trigger.outcomes import Ignored, PassedOver, Refused
from trigger.settings import Settings

type MakeEvent = Callable[..., func.EventGridEvent]
LAKE = "https://lake1.blob.core.windows.net"


@pytest.mark.parametrize("api", ["PutBlob", "PutBlockList", "FlushWithClose", "CopyBlob", "SftpCommit", None])
def test_reads_every_kind_of_finished_upload(make_event: MakeEvent, public_azure: Settings, api: str) -> None:
    read = upload.read(make_event(api=api, eTag='"0x8D4"'), public_azure)
    assert read.address.url == f"{LAKE}/raw/party.mp4"
    assert (read.etag, read.event_id) == ("0x8D4", "831e1650-001e-001b-66ab-eeb76e069631")


@pytest.mark.parametrize("host", ["blob", "dfs"])
def test_reads_a_rename_by_where_the_blob_is_now(make_event: MakeEvent, public_azure: Settings, host: str) -> None:
    """Such an event has no eTag and no length, and another name for `url`."""
    data = {"eTag": None, "contentLength": None, "contentType": None, "blobType": None, "api": "RenameFile"}
    data |= {"sourceUrl": f"https://lake1.{host}.core.windows.net/raw/party.tmp"}
    data |= {"destinationUrl": f"https://lake1.{host}.core.windows.net/raw/party.MP4"}
    subject = "/blobServices/default/containers/raw/blobs/party.MP4"
    read = upload.read(make_event(None, subject, "Microsoft.Storage.BlobRenamed", **data), public_azure)
    assert (read.address.url, read.etag) == (f"{LAKE}/raw/party.MP4", None)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"event_type": "Microsoft.Storage.BlobDeleted"}, "event type"),
        ({"event_type": "Microsoft.Storage.DirectoryCreated"}, "event type"),
        ({"api": "CreateFile", "contentLength": 0}, "begins an upload"),
        ({"api": "SftpCreate"}, "begins an upload"),
        ({"url": f"{LAKE}/raw2/party.mp4"}, "container is raw2, not raw"),
        ({"url": f"{LAKE}/$web/party.mp4"}, "container"),
        ({"url": f"{LAKE}/raw/"}, "directory"),
        ({"url": f"{LAKE}/raw/folder.mp4/"}, "directory"),
        ({"url": f"{LAKE}/raw"}, "directory"),
        ({"url": f"{LAKE}/raw/party.txt"}, "ends in none of .mp4, .mov"),
        ({"url": f"{LAKE}/raw/a/party_redacted.mp4"}, "output"),
        ({"url": f"{LAKE}/raw/PARTY_REDACTED.MP4"}, "output"),
    ],
)
def test_ignores_what_is_no_upload_of_a_video(
    make_event: MakeEvent, public_azure: Settings, event: dict[str, object], reason: str
) -> None:
    with pytest.raises(Ignored, match=reason):
        upload.read(make_event(**event), public_azure)


@pytest.mark.parametrize("name", ["notes.txt", "party", "party.mp4.tmp", ".mp4/party.jpg", "partymp4"])
def test_passes_over_an_upload_that_no_ending_lets_through(
    make_event: MakeEvent, public_azure: Settings, name: str
) -> None:
    with pytest.raises(PassedOver, match=r"^its name ends in none of \.mp4, \.mov \(setting uploadEndings\)$"):
        upload.read(make_event(url=f"{LAKE}/raw/{name}"), public_azure)


@pytest.mark.parametrize("name", ["party.mp4", "IMG_0001.MOV", "a/b/Party.Mp4"])
def test_an_endings_case_does_not_matter(make_event: MakeEvent, public_azure: Settings, name: str) -> None:
    assert upload.read(make_event(url=f"{LAKE}/raw/{name}"), public_azure).address.name == name


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"url": None}, "data.url is None"),
        ({"url": 7}, "data.url is 7"),
        ({"url": "https://lake2.blob.core.windows.net/raw/party.mp4"}, "is not under"),
        ({"eTag": None}, "data.eTag is None"),
        ({"eTag": '""'}, "data.eTag"),
        ({"eTag": 5}, "data.eTag is 5"),
    ],
)
def test_refuses_a_malformed_event(
    make_event: MakeEvent, public_azure: Settings, event: dict[str, object], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        upload.read(make_event(**event), public_azure)


def test_refuses_an_event_without_an_object_as_data(public_azure: Settings) -> None:
    event = func.EventGridEvent(
        id="e",
        data=["party.mp4"],  # type: ignore[arg-type]
        topic="",
        subject="",
        event_type=upload.BLOB_CREATED,
        event_time=None,
        data_version="",
    )
    with pytest.raises(Refused, match="not an object"):
        upload.read(event, public_azure)
