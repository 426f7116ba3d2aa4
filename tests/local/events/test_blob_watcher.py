import base64
import contextlib
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobBlock, BlobServiceClient, ContainerClient, ContentSettings

from local.events.blob_watcher import BlobWatcher
from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.local.conftest import Eventually

TOPIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/lake1"


class Watched:
    """The events of one container. Other containers of the shared account belong to other tests."""

    def __init__(self, container: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._prefix = f"/blobServices/default/containers/{container}/blobs/"

    def publish(self, event: dict[str, Any]) -> None:
        if event["subject"].startswith(self._prefix):
            self.events.append(event)

    def said(self) -> list[tuple[str, str]]:
        return [(event["data"]["api"], event["subject"].removeprefix(self._prefix)) for event in self.events]


@pytest.fixture
def raw(azurite: Azurite, lake: str, unique: str) -> Iterator[ContainerClient]:
    with BlobServiceClient(lake, azurite.account_key("lake1")) as account:
        yield account.create_container(unique)


@pytest.fixture
def watched(raw: ContainerClient) -> Watched:
    return Watched(raw.container_name)


@pytest.fixture
def watcher(lake: str, entra: Entra, watched: Watched) -> Iterator[BlobWatcher]:
    with BlobWatcher(TOPIC, lake, entra.credential(), watched.publish) as running:
        yield running


def block_list(container: ContainerClient, name: str, *parts: bytes) -> None:
    with container.get_blob_client(name) as blob:
        blocks = [BlobBlock(base64.b64encode(bytes([number])).decode()) for number in range(len(parts))]
        for block, part in zip(blocks, parts, strict=True):
            blob.stage_block(block.id, part)
        blob.commit_block_list(blocks)


def test_an_upload_becomes_an_event_in_event_grids_schema(
    watcher: BlobWatcher, watched: Watched, raw: ContainerClient, eventually: Eventually, lake: str
) -> None:
    done = raw.upload_blob("clip.mp4", b"12345", content_settings=ContentSettings(content_type="video/mp4"))
    eventually(lambda: watched.events)
    (event,) = watched.events
    data = event.pop("data")
    for key, length in (("id", 36), ("eventTime", 28)):
        assert len(event.pop(key)) == length
    assert event == {
        "topic": TOPIC,
        "subject": f"/blobServices/default/containers/{raw.container_name}/blobs/clip.mp4",
        "eventType": "Microsoft.Storage.BlobCreated",
        "dataVersion": "",
        "metadataVersion": "1",
    }
    for key in ("clientRequestId", "requestId"):
        assert uuid.UUID(data.pop(key))
    assert uuid.UUID(data.pop("storageDiagnostics")["batchId"])
    assert len(data.pop("sequencer")) == 32
    assert data == {
        "api": "PutBlob",
        "eTag": done.get_blob_properties().etag.strip('"'),
        "contentType": "video/mp4",
        "contentLength": 5,
        "blobType": "BlockBlob",
        "url": f"{lake}{raw.container_name}/clip.mp4",
    }


def test_a_block_list_is_recognised_and_seen_once_it_is_committed(
    watcher: BlobWatcher, watched: Watched, raw: ContainerClient, eventually: Eventually
) -> None:
    with raw.get_blob_client("staged.mp4") as staged:
        staged.stage_block(base64.b64encode(b"0").decode(), b"not yet")
    block_list(raw, "blocks.mp4", b"123", b"45")
    eventually(lambda: watched.events)
    assert watched.said() == [("PutBlockList", "blocks.mp4")]
    assert watched.events[0]["data"]["contentLength"] == 5


def test_names_are_plain_in_the_subject_and_encoded_in_the_address(
    watcher: BlobWatcher, watched: Watched, raw: ContainerClient, eventually: Eventually
) -> None:
    name = "ein Ordner/Vidéo ü + 100%#1.mp4"
    raw.upload_blob(name, b"1")
    eventually(lambda: watched.events)
    assert watched.said() == [("PutBlob", name)]
    assert watched.events[0]["data"]["url"].endswith("/ein%20Ordner/Vid%C3%A9o%20%C3%BC%20+%20100%25%231.mp4")


def test_writing_again_and_deleting_are_events_of_their_own(
    watcher: BlobWatcher, watched: Watched, raw: ContainerClient, eventually: Eventually
) -> None:
    raw.upload_blob("a.mp4", b"same")
    eventually(lambda: len(watched.events) == 1)
    raw.upload_blob("a.mp4", b"same", overwrite=True)
    eventually(lambda: len(watched.events) == 2)
    raw.delete_blob("a.mp4")
    eventually(lambda: len(watched.events) == 3)
    assert watched.said() == [("PutBlob", "a.mp4"), ("PutBlob", "a.mp4"), ("DeleteBlob", "a.mp4")]
    first, second, gone = watched.events
    assert gone["eventType"] == "Microsoft.Storage.BlobDeleted"
    assert first["data"]["eTag"] != second["data"]["eTag"] == gone["data"]["eTag"]
    assert first["data"]["sequencer"] < second["data"]["sequencer"] < gone["data"]["sequencer"]
    assert len({event["id"] for event in watched.events}) == 3


def test_new_metadata_headers_and_appended_blocks_are_no_events(
    watcher: BlobWatcher, watched: Watched, raw: ContainerClient, eventually: Eventually
) -> None:
    block_list(raw, "blocks.mp4", b"1")
    put = raw.upload_blob("put.mp4", b"1")
    growing = raw.get_blob_client("growing.mp4")
    growing.create_append_blob()
    eventually(lambda: len(watched.events) == 3)
    for blob in (put, raw.get_blob_client("blocks.mp4")):
        blob.set_blob_metadata({"reviewed": "yes"})
        blob.set_http_headers(ContentSettings(content_type="video/mp4"))
    growing.append_block(b"12345")
    raw.upload_blob("last.mp4", b"1")  # whose event comes after those of what was before
    eventually(lambda: len(watched.events) == 4)
    raw.upload_blob("really last.mp4", b"1")
    eventually(lambda: len(watched.events) == 5)
    assert [name for _, name in watched.said()][3:] == ["last.mp4", "really last.mp4"]
    (announced,) = [event["data"] for event in watched.events if event["subject"].endswith("growing.mp4")]
    assert (announced["api"], announced["contentLength"], announced["blobType"]) == ("PutBlob", 0, "AppendBlob")


def test_overwriting_by_blocks_and_copying_onto_itself_are_events(
    watcher: BlobWatcher, watched: Watched, raw: ContainerClient, eventually: Eventually
) -> None:
    block_list(raw, "a.mp4", b"1")
    eventually(lambda: len(watched.events) == 1)
    block_list(raw, "a.mp4", b"2")
    eventually(lambda: len(watched.events) == 2)
    with raw.get_blob_client("a.mp4") as blob:
        blob.start_copy_from_url(blob.url, metadata={"replayed": "1"})
    eventually(lambda: len(watched.events) == 3)
    assert [api for api, _ in watched.said()] == ["PutBlockList", "PutBlockList", "CopyBlob"]


def test_what_an_earlier_version_has_kept_is_read(
    lake: str, entra: Entra, watched: Watched, raw: ContainerClient, eventually: Eventually, tmp_path: Path
) -> None:
    etag = raw.upload_blob("kept.mp4", b"1").get_blob_properties().etag.strip('"')
    with contextlib.closing(sqlite3.connect(tmp_path / "blobs.sqlite")) as database, database:
        database.execute("CREATE TABLE seen (container, name, etag, length, content_type, blob_type)")
        row = (raw.container_name, "kept.mp4", etag, 1, "video/mp4", "BlockBlob")
        database.execute("INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?)", row)
    with BlobWatcher(TOPIC, lake, entra.credential(), watched.publish, state=tmp_path):
        raw.upload_blob("new.mp4", b"1")
        eventually(lambda: watched.events)
    assert watched.said() == [("PutBlob", "new.mp4")]


def test_many_uploads_at_once_are_one_event_each(
    watcher: BlobWatcher, watched: Watched, raw: ContainerClient, eventually: Eventually
) -> None:
    names = {f"{number}.mp4" for number in range(30)}
    for name in names:
        raw.upload_blob(name, b"1")
    eventually(lambda: len(watched.events) >= 30)
    assert {name for _, name in watched.said()} == names
    assert len(watched.events) == 30


def test_a_restart_reports_what_changed_meanwhile_and_nothing_else(
    lake: str, entra: Entra, watched: Watched, raw: ContainerClient, eventually: Eventually, tmp_path: Path
) -> None:
    def watch() -> BlobWatcher:
        return BlobWatcher(TOPIC, lake, entra.credential(), watched.publish, state=tmp_path)

    with watch():
        for name in ("kept", "changed", "deleted"):
            raw.upload_blob(name, b"1")
        eventually(lambda: len(watched.events) == 3)
    raw.upload_blob("changed", b"2", overwrite=True)
    raw.delete_blob("deleted")
    raw.upload_blob("new", b"3")
    del watched.events[:]
    with watch():
        eventually(lambda: len(watched.events) >= 3)
    assert set(watched.said()) == {("PutBlob", "changed"), ("DeleteBlob", "deleted"), ("PutBlob", "new")}


@pytest.mark.azurite
def test_storage_that_is_away_for_a_while_loses_nothing_and_deletes_nothing(
    certificates: Certificates, entra: Entra, eventually: Eventually, tmp_path: Path
) -> None:
    def storage() -> Azurite:
        return Azurite(["lake1"], certificates, log=tmp_path / "azurite.log", data=tmp_path / "data")

    def upload(running: Azurite, name: str) -> None:
        with BlobServiceClient(endpoint, running.account_key("lake1")) as account:
            account.get_blob_client("raw", name).upload_blob(b"1")

    watched = Watched("raw")
    with contextlib.ExitStack() as watching:
        with storage() as running:
            endpoint = running.endpoints["lake1"].blob
            with BlobServiceClient(endpoint, running.account_key("lake1")) as account:
                account.create_container("raw")
            watching.enter_context(BlobWatcher(TOPIC, endpoint, entra.credential(), watched.publish))
            upload(running, "before")
            eventually(lambda: watched.events)
        with storage() as running:
            upload(running, "after")
            eventually(lambda: len(watched.events) > 1)
            watching.close()
    assert watched.said() == [("PutBlob", "before"), ("PutBlob", "after")]
