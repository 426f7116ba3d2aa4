"""The dev stack: the results of uploads, their number, and the time and memory that they took."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from azure.storage.blob import BlobSasPermissions, generate_blob_sas

from local.cloud import Options
from local.events.filter import Event
from local.events.topic import Stage
from local.graph.outputs import SUBSCRIPTION_ID
from local.user.sample import sample_clip
from tests.e2e.clips import Video, frames_with_faces, make_clip, read_video, top_level_boxes
from tests.e2e.user import FINAL, Job, User, until, using

MOST_MEMORY = 1_500_000_000  # bytes
TEXT = "shopping list.mp4"


@dataclass(frozen=True)
class Redaction:
    """A video's round trip. `memory` is the largest use in bytes while a worker ran."""

    job: Job
    before: Video
    after: Video
    path: Path
    memory: int


@dataclass(frozen=True)
class Upload:
    """A blob's name, the operation that writes it (PutBlob, or PutBlockList with this block size), and its result."""

    name: str
    result: str
    block: int | None = None

    @property
    def api(self) -> str:
        return "PutBlockList" if self.block else "PutBlob"


UPLOADS = [
    Upload("party.mp4", "party_redacted.mp4"),
    Upload("blocks.mp4", "blocks_redacted.mp4", block=4096),
    Upload("2026/11/23/nested.mp4", "nested_redacted.mp4"),
    Upload("Über uns und so.mp4", "Über uns und so_redacted.mp4"),
    Upload("家族/夏の動画.mp4", "夏の動画_redacted.mp4", block=4096),
    Upload("100% #1 a+b & c?.mp4", "100% #1 a+b & c?_redacted.mp4"),
    Upload("percent%20encoded%2F.mp4", "percent%20encoded%2F_redacted.mp4"),
    Upload("two.dots.mp4", "two.dots_redacted.mp4"),
    Upload("LOUD.MP4", "LOUD_redacted.mp4"),
    Upload("it's [a] (test), 'quoted'.mp4", "it's [a] (test), 'quoted'_redacted.mp4"),
]


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    with using(Options(stack="dev", workers=2)) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=10)


def test_an_upload_is_redacted_though_its_link_has_ended_before_its_turn(user: User, clip: Path) -> None:
    """As the function would have submitted it a day ago."""
    account, _, container = user.cloud.graph.exports["uploadTo"].rpartition("/")
    name = "late.video"  # without an event
    etag = user.upload(name, clip.read_bytes())
    lake = account.rpartition("/")[2]
    sas = generate_blob_sas(
        lake,
        container,
        name,
        account_key=user.cloud.azurite.account_key(lake).named_key.key,
        permission=BlobSasPermissions(read=True),
        start=datetime.now(UTC) - timedelta(days=2),
        expiry=datetime.now(UTC) - timedelta(days=1),
    )
    link = f"{account}/{container}/{name}?{sas}"
    (function,) = [
        each for each in user.cloud.graph.of("managedidentity:UserAssignedIdentity") if "function" in each.name
    ]
    assert httpx.get(link, verify=user.cloud.trust.client_context).status_code == 403
    user.submit_as(function.state["clientId"], "late", link, etag)
    assert user.ended(etag).state == "Finished"


@pytest.fixture(scope="module")
def redaction(user: User, tmp_path_factory: pytest.TempPathFactory) -> Redaction:
    clip = sample_clip(Path(__file__).parents[2] / ".cache")
    etag = user.upload("astronaut.mp4", clip.read_bytes())
    seen: list[int] = []

    def over() -> bool:
        (job,) = until(lambda: user.jobs_of(etag))
        if job.state == "Processing":
            seen.append(user.cloud.memory())
        return job.state in FINAL

    until(over)
    job = user.ended(etag)
    path = user.fetch(job, tmp_path_factory.mktemp("fetched"))
    return Redaction(job, read_video(clip), read_video(path), path, max(seen))


def test_an_upload_ends_in_a_finished_job_with_one_video(user: User, redaction: Redaction) -> None:
    assert (redaction.job.state, redaction.job.progress) == ("Finished", 100)
    assert list(user.results(redaction.job)) == ["astronaut_redacted.mp4"]


def test_the_media_service_publishes_the_jobs_events_to_the_graphs_topic(user: User, redaction: Redaction) -> None:
    subject = f"transforms/faceredact/jobs/{redaction.job.name}"

    def of_job() -> list[Event]:
        return [each.event for each in user.job_events.all() if each.event["subject"] == subject]

    until(lambda: "Microsoft.Media.JobFinished" in {event["eventType"] for event in of_job()})
    assert {event["topic"] for event in of_job()} == {user.cloud.graph.exports["jobEvents"]}
    kinds = {event["eventType"].removeprefix("Microsoft.Media.") for event in of_job()}
    assert {"JobProcessing", "JobOutputProgress", "JobOutputFinished", "JobFinished"} <= kinds
    finished = next(event for event in of_job() if event["eventType"] == "Microsoft.Media.JobFinished")
    assert finished["data"]["correlationData"]["eTag"] == redaction.job.etag
    assert finished["data"]["outputs"][0]["assetName"] == redaction.job.asset


def test_no_face_is_left_where_there_was_one(redaction: Redaction) -> None:
    before, after = redaction.before.pictures[::3], redaction.after.pictures[::3]
    assert len(frames_with_faces(before)) > 35
    assert frames_with_faces(after) == []


def test_the_rest_of_the_picture_stays_as_it_was(redaction: Redaction) -> None:
    for before, after in zip(redaction.before.pictures, redaction.after.pictures, strict=True):
        assert np.median(np.abs(before.astype(int) - after.astype(int))) <= 4


def test_every_frame_comes_back_at_its_time(redaction: Redaction) -> None:
    assert len(redaction.before.times) == 150
    assert redaction.after.times == redaction.before.times
    assert redaction.after.size == redaction.before.size


def test_the_sound_comes_back_packet_by_packet(redaction: Redaction) -> None:
    assert len(redaction.before.audio) > 200
    assert redaction.after.audio == redaction.before.audio


def test_the_result_plays_anywhere_and_while_it_is_still_loading(redaction: Redaction) -> None:
    assert (redaction.after.codec, redaction.after.pixel_format) == ("h264", "yuv420p")
    boxes = top_level_boxes(redaction.path)
    assert boxes[0] == "ftyp"
    assert boxes.index("moov") < boxes.index("mdat")


def test_all_processes_together_stay_below_a_gigabyte_and_a_half(redaction: Redaction) -> None:
    assert 100_000_000 < redaction.memory < MOST_MEMORY


@pytest.fixture(scope="module")
def etags(user: User, clip: Path) -> dict[str, str]:
    """Upload all files at the same time. Return their eTags by name, with the text file's."""
    content = clip.read_bytes()
    with ThreadPoolExecutor(len(UPLOADS)) as side_by_side:
        uploading = {
            each.name: side_by_side.submit(user.upload, each.name, content, block=each.block) for each in UPLOADS
        }
    text = user.upload(TEXT, b"Milk, bread, a new camera.\n" * 20)
    return {name: each.result() for name, each in uploading.items()} | {TEXT: text}


def test_ten_uploads_at_once_are_ten_results(user: User, etags: dict[str, str]) -> None:
    jobs = [user.ended(etags[each.name]) for each in UPLOADS]
    assert [job.state for job in jobs] == ["Finished"] * 10
    assert len({job.name for job in jobs}) == 10
    assert [len(user.results(job)) for job in jobs] == [1] * 10


@pytest.mark.parametrize("upload", UPLOADS, ids=lambda upload: upload.name)
def test_an_upload_comes_back_under_its_own_name(
    user: User, etags: dict[str, str], clip: Path, upload: Upload, tmp_path: Path
) -> None:
    etag = etags[upload.name]
    assert user.delivered(etag).event["data"]["api"] == upload.api
    result = user.fetch(user.ended(etag), tmp_path)
    assert result.name == upload.result
    before, after = read_video(clip), read_video(result)
    assert (after.times, after.audio) == (before.times, before.audio)
    assert len(frames_with_faces(before.pictures)) > 5
    assert frames_with_faces(after.pictures) == []


def test_an_event_delivered_again_changes_nothing(user: User, etags: dict[str, str]) -> None:
    etag = etags["party.mp4"]
    job = user.ended(etag)
    results = user.results(job)
    event = user.delivered(etag).event
    user.cloud.topic.publish(event)
    user.cloud.topic.publish(event | {"id": "00000000-0000-4000-8000-000000000000"})
    until(lambda: len(user.events.of(etag, Stage.DELIVERED)) == 3)
    assert user.jobs_of(etag) == [job]
    assert user.results(job) == results


def test_an_upload_in_place_of_another_is_a_job_of_its_own(user: User, etags: dict[str, str], clip: Path) -> None:
    before = user.ended(etags["two.dots.mp4"])
    after = user.ended(user.upload("two.dots.mp4", clip.read_bytes()))
    assert after.name != before.name
    assert (after.state, list(user.results(after))) == ("Finished", ["two.dots_redacted.mp4"])


def test_uploads_to_other_containers_never_reach_the_function_and_other_files_become_no_jobs(
    user: User, clip: Path
) -> None:
    user.make_container("other")
    elsewhere = user.upload("elsewhere.mp4", clip.read_bytes(), container="other")
    passed_over = [user.upload("notes.txt", b"buy milk"), user.upload("empty.mp4", b"")]
    until(lambda: user.events.of(elsewhere, Stage.FILTERED_OUT))
    for etag in passed_over:
        user.delivered(etag)
    assert user.events.of(elsewhere, Stage.DELIVERED) == []
    assert [job.name for job in user.jobs() if job.etag in {elsewhere, *passed_over}] == []
    log = (user.cloud.logs / "function.log").read_text()
    assert "its name ends in none of" in log
    assert "the blob is empty" in log
    assert "elsewhere.mp4" not in log


def test_a_text_file_that_claims_to_be_a_video_fails_in_plain_words_and_publishes_nothing(
    user: User, etags: dict[str, str]
) -> None:
    job = user.ended(etags[TEXT])
    assert (job.state, job.code, job.category) == ("Error", "ContentMalformed", "Content")
    assert TEXT in job.message
    assert "not a video" in job.message
    assert user.results(job) == {}


def test_the_media_service_answers_only_to_those_with_a_token_for_it(user: User) -> None:
    cloud = user.cloud
    jobs = (
        f"{cloud.media_url}/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{cloud.media.resource_group}/providers"
        f"/Microsoft.Media/mediaServices/{cloud.media.account}/transforms/faceredact/jobs?api-version=2022-07-01"
    )
    developer = cloud.entra.developer_id
    tokens = {
        None: 401,
        "rubbish": 401,
        cloud.entra.token("https://storage.azure.com", developer, "cli")[0]: 401,
        cloud.entra.token(cloud.media.audience, "11111111-1111-4111-8111-111111111111", "nobody")[0]: 403,
        cloud.entra.token(cloud.media.audience, developer, "cli")[0]: 200,
    }
    with httpx.Client(verify=cloud.trust.client_context, trust_env=False) as client:
        answers = {
            token: client.get(jobs, headers={"Authorization": f"Bearer {token}"} if token else {}).status_code
            for token in tokens
        }
    assert answers == tokens


def test_no_secret_is_in_any_log(user: User, redaction: Redaction) -> None:
    logs = {path.name: path.read_text() for path in user.cloud.logs.rglob("*") if path.is_file()}
    assert {"api.log", "azurite.log", "function.log", "workers.log"} <= set(logs)
    for name, text in logs.items():
        assert re.findall(r"sig(?:=|%3[dD]|%253[dD])(?!\*\*\*)\S", text) == [], name
        assert "eyJ" not in text, name  # the beginning of every token
        for account in user.cloud.azurite.endpoints:
            assert user.cloud.azurite.account_key(account).named_key.key not in text, name
    assert "astronaut" in logs["function.log"]
    assert "astronaut" in logs["workers.log"]
