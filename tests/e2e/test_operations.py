"""Commands on a deployed stack, run on the local cloud with the code for Azure."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.cloud import Cloud, Options
from local.graph.outputs import SUBSCRIPTION_ID
from operations.erase import erase
from operations.errors import OperationError, UsageError
from operations.jobs import describe, list_jobs, retry, state_of, summarize, time_of
from operations.outputs import StackOutputs
from operations.records import FINAL, Record, Records
from operations.result import fetch_result
from tests.e2e.clips import make_clip, read_video
from tests.e2e.user import until

GOOD, BAD = "2026/Straßenfest 1.mp4", "broken.mp4"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(Options(stack="dev")) as running:
        yield running


@pytest.fixture(scope="module")
def outputs(cloud: Cloud) -> StackOutputs:
    """The stack's outputs, in the form of `pulumi stack output --json`."""
    known = {"mediaAudience": cloud.media.audience, "subscription": SUBSCRIPTION_ID}
    return StackOutputs.read(json.dumps(known | dict(cloud.graph.exports)))


@pytest.fixture(scope="module")
def records(cloud: Cloud, outputs: StackOutputs) -> Iterator[Records]:
    with Records(outputs, cloud.entra.credential()) as found:
        yield found


@pytest.fixture(scope="module")
def uploads(cloud: Cloud, outputs: StackOutputs) -> Iterator[ContainerClient]:
    with ContainerClient.from_container_url(outputs.upload_to, cloud.entra.credential()) as container:
        yield container


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=5)


def ended(records: Records, video: str, number: int = 1) -> Record:
    """Return the newest of a video's `number` jobs, once it is over."""

    def newest() -> Record | None:
        found = records.of_video(video)
        return found[0] if len(found) == number and found[0].state in FINAL else None

    return until(newest)


@pytest.fixture(scope="module")
def both(records: Records, uploads: ContainerClient, clip: Path) -> tuple[Record, Record]:
    """A job that succeeded, and one that failed."""
    uploads.upload_blob(GOOD, clip.read_bytes())
    uploads.upload_blob(BAD, b"no video at all" * 100)
    return ended(records, GOOD), ended(records, BAD)


def test_jobs_are_listed_by_state_by_a_part_of_the_name_and_by_time(
    records: Records, both: tuple[Record, Record]
) -> None:
    def names(state: str = "", source: str = "", since: datetime | None = None, most: int = 50) -> set[str]:
        return {job.name for job in list_jobs(records, state=state, source=source, since=since, most=most)}

    good, bad = (job.name for job in both)
    now = datetime.now(UTC)
    assert {good, bad} <= names()
    assert (good in names(state="Error"), bad in names(state="Error")) == (False, True)
    assert names(source="strassenfest") == set()
    assert names(source="STRAßENFEST") == {good}
    assert {good, bad} <= names(since=now - timedelta(hours=1))
    assert names(since=now + timedelta(minutes=5)) == set()
    assert len(names(most=1)) == 1


def test_a_job_is_shown_with_its_error_or_its_result(
    cloud: Cloud, outputs: StackOutputs, records: Records, both: tuple[Record, Record]
) -> None:
    good, bad = (describe(outputs, cloud.entra.credential(), records, job.name) for job in both)
    assert (good["state"], good["video"]) == ("Finished", GOOD)
    assert "Straßenfest 1_redacted.mp4  " in good["result"]
    assert (bad["state"], bad["error"].partition(":")[0], "result" in bad) == ("Error", "ContentMalformed", False)


def test_an_unknown_job_is_a_line(records: Records) -> None:
    with pytest.raises(UsageError, match=r"^there is no job 'gone'; `jobs` lists those that there are$"):
        records.job("gone")


def test_a_result_is_found_by_the_uploads_name(
    cloud: Cloud, outputs: StackOutputs, records: Records, both: tuple[Record, Record], clip: Path, tmp_path: Path
) -> None:
    (path,) = fetch_result(outputs, cloud.entra.credential(), records, GOOD, tmp_path)
    assert path == tmp_path / "Straßenfest 1_redacted.mp4"
    assert len(read_video(path).pictures) == len(read_video(clip).pictures)
    with pytest.raises(OperationError, match=r"^broken.mp4 has no result; its newest job is Error: ContentMalformed: "):
        fetch_result(outputs, cloud.entra.credential(), records, BAD, tmp_path)
    with pytest.raises(OperationError, match=r"^unknown.mp4 has no result, nor a job$"):
        fetch_result(outputs, cloud.entra.credential(), records, "unknown.mp4", tmp_path)


def test_a_failed_job_is_tried_again_by_a_job_of_its_own(
    cloud: Cloud, outputs: StackOutputs, records: Records, both: tuple[Record, Record]
) -> None:
    good, bad = both
    before = len(records.of_video(BAD))
    assert retry(outputs, cloud.entra.credential(), records, bad.name) == BAD
    assert ended(records, BAD, before + 1).name != bad.name
    with pytest.raises(UsageError, match="is Finished; allowed: one that ended in Error or was canceled"):
        retry(outputs, cloud.entra.credential(), records, good.name)


def test_a_job_that_has_not_ended_can_be_canceled_and_not_erased(
    cloud: Cloud, outputs: StackOutputs, records: Records, uploads: ContainerClient, clip: Path
) -> None:
    for name in ("first.mp4", "second.mp4"):  # of which one waits for the only worker
        uploads.upload_blob(name, clip.read_bytes())
    (job,) = until(lambda: records.of_video("second.mp4"))
    with pytest.raises(UsageError, match=r"; cancel it first, or wait$"):
        list(erase(outputs, cloud.entra.credential(), records, "second.mp4"))
    records.cancel(job.name)
    assert ended(records, "second.mp4").state == "Canceled"
    ended(records, "first.mp4")


def test_the_queue_says_how_many_wait_and_how_the_last_days_jobs_ended(
    records: Records, both: tuple[Record, Record]
) -> None:
    now = summarize(records, datetime.now(UTC))
    assert (now["waiting"], now["the oldest since"]) == ("0", "none waits")
    assert int(now["Finished, submitted within a day"]) >= 1
    assert int(now["Error, submitted within a day"]) >= 1


def test_erasing_leaves_nothing_and_says_what_remains(
    cloud: Cloud, outputs: StackOutputs, records: Records, uploads: ContainerClient, clip: Path
) -> None:
    video = "to erase.mp4"
    uploads.upload_blob(video, clip.read_bytes())
    job = ended(records, video)
    container = records.container_of(job.asset)
    letter = f"{uuid.uuid4()}.json"
    subject = f"/blobServices/default/containers/{uploads.container_name}/blobs/"
    with BlobServiceClient(outputs.results_in, cloud.entra.credential()) as results:
        letters = results.get_container_client("dead-letters")
        letters.upload_blob(letter, json.dumps([{"subject": subject + video}, {"subject": subject + "other.mp4"}]))
        said = list(erase(outputs, cloud.entra.credential(), records, video))
        assert not uploads.get_blob_client(video).exists()
        assert not results.get_container_client(str(container)).exists()
        assert [each["subject"] for each in json.loads(letters.download_blob(letter).readall())] == [
            subject + "other.mp4"
        ]
    assert records.of_video(video) == []
    assert [line.partition(" ")[0] for line in said] == ["upload", "job", "dead", *["remains:"] * 3]
    with pytest.raises(UsageError, match=r"^nothing is known of 'to erase\.mp4'"):
        list(erase(outputs, cloud.entra.credential(), records, video))


def test_a_result_is_erased_though_its_job_is_no_longer_recorded(
    cloud: Cloud, outputs: StackOutputs, records: Records, uploads: ContainerClient, clip: Path
) -> None:
    video = "2026/long ago, über.mp4"
    uploads.upload_blob(video, clip.read_bytes())
    job = ended(records, video)
    container = records.container_of(job.asset)
    records.delete_job(job.name)
    said = list(erase(outputs, cloud.entra.credential(), records, video))
    assert f"asset {job.asset} and its files" in said
    with BlobServiceClient(outputs.results_in, cloud.entra.credential()) as results:
        assert not results.get_container_client(str(container)).exists()


@pytest.mark.parametrize(("text", "state"), [("", ""), ("error", "Error"), ("QUEUED", "Queued")])
def test_a_state_may_be_written_in_any_case(text: str, state: str) -> None:
    assert state_of(text) == state


def test_what_is_no_state_or_time_is_named() -> None:
    with pytest.raises(UsageError, match=r"^--state is 'done'; allowed: Queued, "):
        state_of("done")
    with pytest.raises(UsageError, match=r"^--since is 'yesterday'; allowed: a time such as "):
        time_of("yesterday", datetime.now(UTC))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90m", datetime(2026, 11, 26, 8, 30, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 19, 10, tzinfo=UTC)),
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=UTC)),
        ("2026-11-25T12:00+01:00", datetime(2026, 11, 25, 11, tzinfo=UTC)),
    ],
)
def test_a_time_may_be_so_long_ago(text: str, time: datetime) -> None:
    assert time_of(text, datetime(2026, 11, 26, 10, tzinfo=UTC)) == time
