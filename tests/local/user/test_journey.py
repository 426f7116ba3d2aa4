from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from local.events.topic import Notice
from local.events.topic import Stage as EventStage
from local.services.azurite import Azurite
from local.services.entra import Entra
from local.user.job_log import JobLog
from local.user.journey import EventLog, Journey, JourneyError, Stage, closing
from local.user.media_client import MediaClient
from tests.local.user.test_job_log import ended, progress

GIVEN_UP = [EventStage.DEAD_LETTERED, EventStage.DROPPED]


def notice(etag: str, stage: EventStage, subscription: str = "uploads") -> Notice:
    event: dict[str, Any] = {"id": "1", "data": {"eTag": etag}}
    return Notice(stage, event, subscription, detail="InternalServerError: out of order")


def test_an_event_is_identified_by_its_etag() -> None:
    events = EventLog()
    events(notice("1", EventStage.DELIVERED))
    last = events.last("1")
    assert last
    assert last.stage is EventStage.DELIVERED
    assert events.last("2") is None


@pytest.fixture
def uploaded(azurite: Azurite, entra: Entra, unique: str, tmp_path: Path) -> tuple[Journey, EventLog, str]:
    """A video that is in the lake, and the eTag that it has there."""
    video = tmp_path / "party.mp4"
    video.write_bytes(b"frames")
    lake, events = azurite.endpoints["lake1"].blob, EventLog()
    client = MediaClient("https://127.0.0.1:9", "group", "account", entra.credential(), "api://media", lake)
    journey = Journey(video, client, events, tmp_path)
    with BlobServiceClient(lake, azurite.account_key("lake1")) as account, account.create_container(unique) as raw:
        blob = raw.get_blob_client("party.mp4")
        journey.upload(blob, lambda _: None)
        etag = str(blob.get_blob_properties().etag)
        assert blob.download_blob().readall() == b"frames"
    client.close()
    return journey, events, etag.strip('"')


def test_a_delivery_that_is_repeated_is_waited_for_and_said(uploaded: tuple[Journey, EventLog, str]) -> None:
    journey, events, etag = uploaded
    event: dict[str, Any] = {"data": {"eTag": etag}}
    due = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)
    events(Notice(EventStage.RETRYING, event, "uploads", 1, "InternalServerError: busy", due))
    journey.advance()
    assert journey.stage is Stage.UPLOADED
    assert journey.note == "delivery failed, next try at 10:00:30 UTC: InternalServerError: busy"
    events(notice(etag, EventStage.DELIVERED))
    journey.advance()
    assert (journey.stage, journey.note) == (Stage.DELIVERED, "")


@pytest.mark.parametrize("stage", GIVEN_UP)
def test_an_event_that_is_given_up_ends_the_journey_with_the_reason(
    uploaded: tuple[Journey, EventLog, str], stage: EventStage
) -> None:
    journey, events, etag = uploaded
    events(notice(etag, stage))
    with pytest.raises(JourneyError, match=r"^party.mp4: its event could not be delivered: .*out of order$"):
        journey.advance()


def test_an_upload_that_no_subscription_wants_ends_the_journey(uploaded: tuple[Journey, EventLog, str]) -> None:
    journey, events, etag = uploaded
    events(notice(etag, EventStage.FILTERED_OUT))
    with pytest.raises(JourneyError, match=r"^party.mp4: no subscription of the stack wants it$"):
        journey.advance()


@pytest.fixture
def queued(entra: Entra, tmp_path: Path) -> Iterator[tuple[Journey, JobLog]]:
    """A video whose job waits at a media service that does not answer."""
    jobs, nobody = JobLog(), "https://127.0.0.1:9"
    client = MediaClient(nobody, "group", "account", entra.credential(), "api://media", nobody)
    with closing(client):
        yield Journey(tmp_path / "party.mp4", client, EventLog(), tmp_path, jobs, Stage.QUEUED, _job="j"), jobs


def test_a_job_is_followed_by_its_events_without_asking_the_media_service(queued: tuple[Journey, JobLog]) -> None:
    journey, jobs = queued
    journey.advance()
    jobs(progress(40))
    journey.advance()
    assert (journey.stage, journey.percent) == (Stage.QUEUED, 40)
    jobs(ended("Finished", 100))
    journey.advance()
    assert journey.stage is Stage.PROCESSED


def test_a_failed_job_ends_the_journey_with_what_its_event_says(queued: tuple[Journey, JobLog]) -> None:
    journey, jobs = queued
    jobs(ended("Error", 0, {"code": "ContentMalformed", "message": "not a video", "details": []}))
    with pytest.raises(JourneyError, match=r"^party.mp4: the job ended in Error: ContentMalformed: not a video$"):
        journey.advance()


def test_the_media_service_is_asked_when_no_event_comes_for_a_while(
    queued: tuple[Journey, JobLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    journey, jobs = queued
    jobs(progress(40))
    monkeypatch.setattr("local.user.journey.QUIET_SECONDS", 0)
    with pytest.raises(httpx.ConnectError):
        journey.advance()
