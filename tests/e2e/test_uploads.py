"""Uploads of every kind to the dev stack: which of them come back, and how often."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.cloud import Options
from local.event_topic import Stage
from tests.e2e.clips import frames_with_faces, make_clip, read_video
from tests.e2e.user import User, until, using


@dataclass(frozen=True)
class Upload:
    """A blob's name, by what it is written (PutBlob, or PutBlockList of blocks of so many bytes), and its result."""

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
TEXT = "shopping list.mp4"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=10)


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    with using(Options(stack="dev", workers=2)) as running:
        yield running


@pytest.fixture(scope="module")
def etags(user: User, clip: Path) -> dict[str, str]:
    """Of all uploads by name, begun at once; the text file's besides."""
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


def test_what_is_no_video_upload_never_reaches_the_function(user: User, clip: Path) -> None:
    user.make_container("other")
    unwanted = [
        user.upload("notes.txt", b"buy milk"),
        user.upload("empty.mp4", b""),
        user.upload("elsewhere.mp4", clip.read_bytes(), container="other"),
    ]
    for etag in unwanted:
        until(lambda: user.events.of(etag, Stage.FILTERED_OUT))  # noqa: B023
    wanted = user.upload("wanted.mp4", b"something")
    user.delivered(wanted)
    assert [etag for etag in unwanted if user.events.of(etag, Stage.DELIVERED)] == []
    assert [job.name for job in user.jobs() if job.etag in unwanted] == []
    log = (user.cloud.logs / "function.log").read_text()
    assert wanted in log
    assert [etag for etag in unwanted if etag in log] == []


def test_a_text_file_that_claims_to_be_a_video_fails_in_plain_words_and_publishes_nothing(
    user: User, etags: dict[str, str]
) -> None:
    job = user.ended(etags[TEXT])
    assert (job.state, job.code, job.category) == ("Error", "ContentMalformed", "Content")
    assert TEXT in job.message
    assert "not a video" in job.message
    assert user.results(job) == {}
