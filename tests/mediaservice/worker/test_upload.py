"""Uploads as inputs: links that expire before their job's turn, and the version of a blob that is redacted."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.mgmt.media import AzureMediaServices
from azure.mgmt.media.models import Asset, Job, JobInputHttp, JobOutputAsset
from azure.storage.blob import BlobSasPermissions, generate_blob_sas

from mediaservice.model.jobs import HttpInput
from mediaservice.settings import Inputs
from mediaservice.worker.transfer.upload import reads_by_identity
from tests.mediaservice.deployment import ACCOUNT_NAME, AUDIENCE, GROUP, SUBSCRIPTION, Pipeline

LAKE = "https://lake1.blob.core.windows.net/raw"


@dataclass(frozen=True)
class Upload:
    """A blob in the container of uploads."""

    container_url: str
    url: str
    etag: str
    link: Callable[[timedelta], str]  # by how long it is still good
    overwrite: Callable[[bytes], str]  # gives the new eTag


@pytest.fixture
def upload(pipeline: Pipeline) -> Upload:
    container, name = f"raw-{uuid.uuid4().hex}", "clip.mp4"
    storage = pipeline.deployment.storage
    with pipeline.deployment.blobs as blobs:
        blobs.create_container(container)
        url = blobs.get_blob_client(container, name).url

    def put(content: bytes) -> str:
        with pipeline.deployment.blobs as blobs:
            stored = blobs.get_blob_client(container, name).upload_blob(content, overwrite=True)
            return str(stored["etag"]).strip('"')

    def link(good_for: timedelta) -> str:
        now = datetime.now(UTC)
        sas = generate_blob_sas(
            ACCOUNT_NAME,
            container,
            name,
            account_key=storage.account_key(ACCOUNT_NAME).named_key.key,
            permission=BlobSasPermissions(read=True),
            start=now - timedelta(days=2),
            expiry=now + good_for,
            protocol="https",
        )
        return f"{url}?{sas}"

    return Upload(url.rpartition("/")[0], url, put(b"{}"), link, put)


def submit(pipeline: Pipeline, media: AzureMediaServices, name: str, link: str, **correlation: str) -> str:
    account = pipeline.service.account
    asset = media.assets.create_or_update(GROUP, account, name, Asset())
    job = Job(
        input=JobInputHttp(files=[link]),
        outputs=[JobOutputAsset(asset_name=name)],
        correlation_data=correlation,
    )
    media.jobs.create(GROUP, account, "faceredact", name, job)
    return str(asset.container)


@pytest.fixture
def stranger(pipeline: Pipeline) -> AzureMediaServices:
    """A client that may submit jobs, but not the one that submits uploads."""
    identity, client_id = pipeline.service.entra, str(uuid.uuid4())
    principal = str(uuid.uuid4())
    identity.register(client_id, principal)
    identity.grant(AUDIENCE, principal, ["Media.ReadWrite"])
    return AzureMediaServices(
        identity.credential(client_id),
        SUBSCRIPTION,
        base_url=pipeline.service.url,
        credential_scopes=[f"{AUDIENCE}/.default"],
    )


def error_of(pipeline: Pipeline, name: str) -> Any:
    job = pipeline.job(name)
    assert job.state == "Error"
    return job.outputs[0].error


def test_an_upload_whose_link_has_ended_is_read_by_the_workers_identity(
    pipeline: Pipeline, name: str, upload: Upload
) -> None:
    container = submit(pipeline, pipeline.media, name, upload.link(timedelta(hours=-1)))
    pipeline.work(LAKE_UPLOADS=upload.container_url)
    assert pipeline.job(name).state == "Finished"
    assert pipeline.files(container) == {"clip_redacted.mp4": b"REDACTED {}"}


def test_a_link_of_anybody_else_ends_its_job(
    pipeline: Pipeline, stranger: AzureMediaServices, name: str, upload: Upload
) -> None:
    with stranger:
        submit(pipeline, stranger, name, upload.link(timedelta(hours=-1)))
    pipeline.work(LAKE_UPLOADS=upload.container_url)
    error = error_of(pipeline, name)
    assert (error.code, "403" in error.message) == ("DownloadNotAccessible", True)


def test_a_blob_beside_the_container_of_uploads_is_not_read_by_identity(
    pipeline: Pipeline, name: str, upload: Upload
) -> None:
    submit(pipeline, pipeline.media, name, upload.link(timedelta(hours=-1)))
    pipeline.work(LAKE_UPLOADS=f"{upload.container_url}2")
    assert error_of(pipeline, name).code == "DownloadNotAccessible"


@pytest.mark.parametrize("good_for", [timedelta(hours=1), timedelta(hours=-1)], ids=["by link", "by identity"])
def test_a_blob_that_was_overwritten_meanwhile_ends_the_job_with_both_etags(
    pipeline: Pipeline, name: str, upload: Upload, good_for: timedelta
) -> None:
    container = submit(pipeline, pipeline.media, name, upload.link(good_for), source=upload.url, eTag=upload.etag)
    newer = upload.overwrite(b'{"version": 2}')
    pipeline.work(LAKE_UPLOADS=upload.container_url)
    error = error_of(pipeline, name)
    assert error.code == "DownloadNotAccessible"
    assert f"the eTag {upload.etag}, the blob now has the eTag {newer}" in error.message
    assert pipeline.files(container) == {}


def test_the_version_that_the_job_was_made_for_is_redacted(pipeline: Pipeline, name: str, upload: Upload) -> None:
    link = upload.link(timedelta(hours=1))
    container = submit(pipeline, pipeline.media, name, link, source=upload.url, eTag=upload.etag)
    pipeline.work()
    assert list(pipeline.files(container)) == ["clip_redacted.mp4"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (f"{LAKE}/a/b.mp4?sig=x", True),
        (f"{LAKE}2/a.mp4", False),
        (f"{LAKE}/../other/a.mp4", False),
        (f"{LAKE}/%2e%2e/other/a.mp4", False),
        ("https://lake1.blob.core.windows.net.example.com/raw/a.mp4", False),
    ],
)
def test_only_addresses_within_the_container_of_uploads_are_read_by_identity(url: str, *, allowed: bool) -> None:
    inputs = Inputs(own=("h", 443), hosts=(), max_bytes=1, timeout_seconds=1, lake=LAKE)
    assert reads_by_identity(inputs, HttpInput(url, lasting=True)) is allowed
    assert not reads_by_identity(inputs, HttpInput(url))
