"""The dev stack with one worker: what comes back, and what it took."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from local.cloud import Options
from local.outputs import SUBSCRIPTION_ID
from local.sample import sample_clip
from tests.e2e.clips import Video, frames_with_faces, read_video, top_level_boxes
from tests.e2e.user import FINAL, Job, User, until, using

MOST_MEMORY = 1_500_000_000  # bytes


@dataclass(frozen=True)
class Redaction:
    """A video's way there and back; `memory` in bytes, the most seen while a worker was at it."""

    job: Job
    before: Video
    after: Video
    path: Path
    memory: int


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    with using(Options(stack="dev", workers=1)) as running:
        yield running


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


def test_the_media_service_answers_only_to_those_with_a_token_for_it(user: User) -> None:
    cloud = user.cloud
    jobs = (
        f"{cloud.media_url}/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{cloud.media.resource_group}/providers"
        f"/Microsoft.Media/mediaServices/{cloud.media.account}/transforms/faceredact/jobs?api-version=2022-07-01"
    )
    developer = cloud.identity.developer_id
    tokens = {
        None: 401,
        "rubbish": 401,
        cloud.identity.token("https://storage.azure.com", developer, "cli")[0]: 401,
        cloud.identity.token(cloud.media.audience, "11111111-1111-4111-8111-111111111111", "nobody")[0]: 403,
        cloud.identity.token(cloud.media.audience, developer, "cli")[0]: 200,
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
        assert "eyJ" not in text, name  # how every token begins
        for account in user.cloud.azurite.endpoints:
            assert user.cloud.azurite.account_key(account).named_key.key not in text, name
    assert "astronaut" in logs["function.log"]
    assert "astronaut" in logs["workers.log"]
