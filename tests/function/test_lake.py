import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from azure.storage.blob import BlobClient, BlobServiceClient

from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.function.recording import Answer, MediaService
from trigger import settings
from trigger.address import BlobAddress, BlobEndpoint
from trigger.deadline import Deadline
from trigger.lake import Lake
from trigger.settings import Settings

CONTENT = b"not really a video"
CONTAINER = "links"


@pytest.fixture
def emulated(environment: dict[str, str], azurite: Azurite) -> Settings:
    lake = azurite.endpoints["lake1"].blob
    return settings.read(
        environment | {"LAKE_BLOB_ENDPOINT": lake, "LAKE_DFS_ENDPOINT": lake, "UPLOAD_CONTAINER": CONTAINER}
    )


@pytest.fixture
def lake(emulated: Settings, entra: Entra) -> Lake:
    return Lake(emulated, entra.credential())


@pytest.fixture(scope="module", autouse=True)
def container(azurite: Azurite, entra: Entra) -> None:
    url = azurite.endpoints["lake1"].blob
    with BlobServiceClient(url, credential=entra.credential()) as client:
        client.create_container(CONTAINER)


@pytest.fixture
def http(certificates: Certificates) -> Iterator[httpx.Client]:
    with httpx.Client(verify=certificates.client_context) as client:
        yield client


def put(settings: Settings, entra: Entra, name: str) -> BlobAddress:
    address = BlobAddress.under(settings.lake_blob_endpoint, CONTAINER, name)
    with BlobClient(settings.lake_blob_endpoint.url, CONTAINER, name, credential=entra.credential()) as client:
        client.upload_blob(CONTENT, overwrite=True)
    return address


@pytest.mark.parametrize(
    "name",
    [
        "a.mp4",
        "2026/11/b.mp4",
        "my party.mp4",
        "über 視頻.mp4",
        "100%.mp4",
        "a%20b.mp4",
        "a+b.mp4",
        "take#2?.mp4",
    ],
)
def test_the_link_reads_a_range_of_the_blob_whatever_its_name(
    lake: Lake, emulated: Settings, entra: Entra, http: httpx.Client, name: str
) -> None:
    link = lake.read_link(put(emulated, entra, name), Deadline())
    part = http.get(link, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, CONTENT[4:10])


def test_the_link_writes_deletes_and_lists_nothing_and_opens_no_other_blob(
    lake: Lake, emulated: Settings, entra: Entra, http: httpx.Client
) -> None:
    link = lake.read_link(put(emulated, entra, "one.mp4"), Deadline())
    other = put(emulated, entra, "two.mp4")
    query = urlsplit(link).query
    refused = [
        http.put(link, content=b"x", headers={"x-ms-blob-type": "BlockBlob"}),
        http.delete(link),
        http.get(f"{other.url}?{query}"),
        http.get(f"{emulated.lake_blob_endpoint.url}/{CONTAINER}?restype=container&comp=list&{query}"),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403, 403]
    assert http.get(link).content == CONTENT


@pytest.mark.parametrize(("hours", "least_hours"), [("1", 1.0), ("24", 24.0), ("168", 166.5)])
def test_the_link_is_https_only_read_only_and_lasts_as_long_as_a_job_may_wait(
    emulated: Settings, entra: Entra, hours: str, least_hours: float
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    lake = Lake(replace(emulated, sas_hours=int(hours)), entra.credential(), lambda: now)
    link = lake.read_link(put(emulated, entra, "a.mp4"), Deadline())
    sas = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert (sas["spr"], sas["sp"], sas["sr"]) == ("https", "r", "b")
    assert timedelta(hours=least_hours) <= datetime.fromisoformat(sas["se"]) - now <= timedelta(hours=int(hours))
    assert datetime.fromisoformat(sas["se"]) <= datetime.fromisoformat(sas["ske"]) < now + timedelta(days=7)
    assert datetime.fromisoformat(sas["skt"]) <= datetime.fromisoformat(sas["st"]) < now


def key_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["skt"][0]


def test_one_key_signs_many_links_until_it_would_cut_one_short(
    emulated: Settings, entra: Entra, http: httpx.Client
) -> None:
    now = datetime.now(UTC)
    lake = Lake(emulated, entra.credential(), lambda: now)
    address = put(emulated, entra, "a.mp4")
    first = lake.read_link(address, Deadline())
    now += timedelta(minutes=59)
    assert key_of(lake.read_link(address, Deadline())) == key_of(first)
    now += timedelta(minutes=2)
    later = lake.read_link(address, Deadline())
    assert key_of(later) != key_of(first)


def test_threads_that_start_together_ask_for_one_key(emulated: Settings, entra: Entra) -> None:
    ticks = iter(range(1000))
    start = datetime.now(UTC)
    lake = Lake(emulated, entra.credential(), lambda: start + timedelta(seconds=next(ticks)))
    address = put(emulated, entra, "a.mp4")
    links: list[str] = []
    threads = [threading.Thread(target=lambda: links.append(lake.read_link(address, Deadline()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(links) == 8
    assert len({key_of(link) for link in links}) == 1


@pytest.mark.parametrize(("status", "copying"), [("pending", True), ("success", False), ("failed", False)])
def test_a_copy_is_under_way_only_while_it_is_pending(
    emulated: Settings, entra: Entra, media_service: MediaService, status: str, copying: bool
) -> None:
    endpoint = BlobEndpoint(f"{media_service.endpoint}/lake1")
    lake = Lake(replace(emulated, lake_blob_endpoint=endpoint), entra.credential())
    headers = {"x-ms-copy-status": status, "Last-Modified": "Thu, 26 Nov 2026 10:00:00 GMT", "ETag": '"0x1"'}
    media_service.answers["HEAD", "/lake1/"] = [Answer(200, headers=headers)]
    blob = lake.look(BlobAddress.under(endpoint, "raw", "a b.mp4"), Deadline())
    assert blob
    assert (blob.copying, blob.etag) == (copying, "0x1")
    assert media_service.requests[0].path == "/lake1/raw/a%20b.mp4"


def test_a_blob_that_is_gone_is_none(lake: Lake, emulated: Settings) -> None:
    assert lake.look(BlobAddress.under(emulated.lake_blob_endpoint, CONTAINER, "gone.mp4"), Deadline()) is None


def test_the_listing_says_of_each_blob_what_a_look_at_it_says(lake: Lake, emulated: Settings, entra: Entra) -> None:
    put(emulated, entra, "2026/über listed.mp4")
    with BlobClient(
        emulated.lake_blob_endpoint.url, CONTAINER, "listed growing.mp4", credential=entra.credential()
    ) as client:
        client.create_append_blob()
        client.append_block(CONTENT)
    listed = {blob.name: blob for blob in lake.page()[0] if "listed" in blob.name}
    assert {name: blob.appendable for name, blob in listed.items()} == {
        "2026/über listed.mp4": False,
        "listed growing.mp4": True,
    }
    for name, blob in listed.items():
        assert lake.look(BlobAddress.under(emulated.lake_blob_endpoint, CONTAINER, name), Deadline()) == blob
