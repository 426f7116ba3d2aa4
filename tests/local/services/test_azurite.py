import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from azure.storage.queue import QueueServiceClient

from local.host.certificates import Certificates
from local.services import azurite as storage
from local.services.azurite import Azurite, AzuriteInstallError
from local.services.entra import Entra


def unique() -> str:
    return f"t{uuid.uuid4().hex}"


def test_blob_queue_and_table_answer_to_the_account_key(azurite: Azurite) -> None:
    key, at = azurite.account_key("media1"), azurite.endpoints["media1"]
    with BlobServiceClient(at.blob, key) as blobs, blobs.create_container(unique()) as container:
        container.upload_blob("a", b"1")
        assert container.download_blob("a").readall() == b"1"
    with QueueServiceClient(at.queue, key) as queues, queues.create_queue(unique()) as queue:
        queue.send_message("hello")
        assert [message.content for message in queue.peek_messages()] == ["hello"]
    with TableServiceClient(at.table, credential=key) as tables, tables.create_table(unique()) as table:
        table.create_entity({"PartitionKey": "p", "RowKey": "r"})
        assert table.get_entity("p", "r")["RowKey"] == "r"


def test_accounts_do_not_see_each_other(azurite: Azurite) -> None:
    name = unique()
    with BlobServiceClient(azurite.endpoints["media1"].blob, azurite.account_key("media1")) as media:
        media.create_container(name)
    with BlobServiceClient(azurite.endpoints["lake1"].blob, azurite.account_key("lake1")) as lake:
        assert not lake.get_container_client(name).exists()


def test_a_user_delegation_sas_made_with_a_token_reads_one_blob(azurite: Azurite, entra: Entra) -> None:
    start = datetime.now(UTC) - timedelta(minutes=5)
    end = start + timedelta(hours=1)
    with BlobServiceClient(azurite.endpoints["lake1"].blob, entra.credential()) as lake:
        container = lake.create_container(unique())
        blob = container.upload_blob("ordner/ein Vidéo ü.mp4", b"0123456789")
        signature = generate_blob_sas(
            "lake1",
            container.container_name,
            blob.blob_name,
            user_delegation_key=lake.get_user_delegation_key(start, end),
            permission=BlobSasPermissions(read=True),
            start=start,
            expiry=end,
        )
        trust = httpx.create_ssl_context()
        answer = httpx.get(f"{blob.url}?{signature}", headers={"Range": "bytes=2-4"}, verify=trust)
        assert (answer.status_code, answer.content) == (206, b"234")
        container.upload_blob("other", b"")
        assert httpx.get(f"{container.url}/other?{signature}", verify=trust).status_code == 403


def test_a_copy_from_a_signed_https_address_of_another_account_works(azurite: Azurite) -> None:
    key = azurite.account_key("media1")
    with (
        BlobServiceClient(azurite.endpoints["lake1"].blob, azurite.account_key("lake1")) as lake,
        BlobServiceClient(azurite.endpoints["media1"].blob, key) as elsewhere,
    ):
        container = elsewhere.create_container(unique())
        source = container.upload_blob("source.mp4", b"12345")
        sas = generate_blob_sas(
            "media1",
            container.container_name,
            "source.mp4",
            account_key=key.named_key.key,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        copy = lake.create_container(unique()).get_blob_client("copy.mp4")
        copy.start_copy_from_url(f"{source.url}?{sas}")
        assert copy.download_blob().readall() == b"12345"


@pytest.mark.azurite
def test_kept_data_comes_back_under_the_same_address_and_key(certificates: Certificates, tmp_path: Path) -> None:
    def run() -> Azurite:
        return Azurite(["lake1"], certificates, log=tmp_path / "azurite.log", data=tmp_path / "data")

    with run() as first:
        endpoint, key = first.endpoints["lake1"].blob, first.account_key("lake1").named_key.key
        with BlobServiceClient(endpoint, first.account_key("lake1")) as lake:
            lake.create_container("raw").upload_blob("a", b"kept")
    with run() as second, BlobServiceClient(endpoint, second.account_key("lake1")) as lake:
        assert second.account_key("lake1").named_key.key == key
        assert lake.get_blob_client("raw", "a").download_blob().readall() == b"kept"
    assert (tmp_path / "data" / "identity.json").stat().st_mode & 0o077 == 0


@pytest.mark.alone
@pytest.mark.azurite
def test_it_starts_within_seconds(certificates: Certificates, tmp_path: Path) -> None:
    began = time.monotonic()
    with Azurite(["a1b"], certificates, log=tmp_path / "azurite.log") as running:
        assert time.monotonic() - began < 20
        assert running.process.memory() < 300e6


@pytest.mark.installs
def test_a_failed_installation_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, cache = tmp_path / "azurite", tmp_path / "cache"
    package.mkdir()
    declared = {"name": "x", "dependencies": {"azurite": "file:missing.tgz"}}
    locked = {"node_modules/azurite": {"version": "3.37.0", "resolved": "file:missing.tgz"}}
    lock = {"name": "x", "lockfileVersion": 3, "packages": {"": declared, **locked}}
    (package / "package.json").write_text(json.dumps(declared))
    (package / "package-lock.json").write_text(json.dumps(lock))
    monkeypatch.setattr(storage, "PACKAGE", package)
    monkeypatch.setattr(storage, "CACHE", cache)
    with pytest.raises(
        AzuriteInstallError, match=r"^npm could not install Azurite \(exit code \d+\): .*missing.tgz.*$"
    ):
        storage.install()
    assert list(cache.iterdir()) == []


@pytest.mark.azurite
def test_kept_data_is_served_although_its_record_of_ports_and_keys_was_cut(
    certificates: Certificates, tmp_path: Path
) -> None:
    name, data = unique(), tmp_path / "data"
    data.mkdir()
    for cut in (False, True):
        if cut:
            (data / "identity.json").write_text((data / "identity.json").read_text()[:20])
        with (
            Azurite(["lake1"], certificates, log=tmp_path / "azurite.log", data=data) as kept,
            BlobServiceClient(kept.endpoints["lake1"].blob, kept.account_key("lake1")) as lake,
        ):
            if not cut:
                lake.create_container(name).upload_blob("a", b"1")
            assert lake.get_blob_client(name, "a").download_blob().readall() == b"1"
