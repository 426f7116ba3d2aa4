"""Uploads without an event become jobs: real storage, the real media service, and a clock that is ahead."""

import io
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest
from azure.storage.blob import BlobType, ContainerClient

from local.services.entra import Entra
from tests.function.lakes import CONTENT, RESTED, Reconcile, deploy, made, store
from tests.function.recording import ASSETS, Answer, MediaService
from trigger import reconciliation
from trigger.lake import Blob, Lake
from trigger.media import MediaAccount
from trigger.progress import ProgressStore
from trigger.reconciliation import Reconciliation
from trigger.settings import Settings
from trigger.submission import End, Submission

MANY = int(os.environ.get("RECONCILED_UPLOADS", "200"))


def test_an_upload_without_an_event_becomes_a_job_once_it_has_rested(
    lake: ContainerClient, reconcile: Reconcile, sources: Callable[[], list[str]]
) -> None:
    """A writer that flushes without closing leaves such an upload."""
    lake.upload_blob("2026/flushed.mp4", CONTENT)
    assert reconcile(timedelta(0)) == {}
    assert reconcile(RESTED) == {End.SUBMITTED: 1}
    assert sources() == ["2026/flushed.mp4"]
    assert reconcile(RESTED) == {}


def test_what_is_no_whole_video_is_left_alone(
    lake: ContainerClient, reconcile: Reconcile, sources: Callable[[], list[str]]
) -> None:
    for name, content in (("empty.mp4", b""), ("notes.txt", CONTENT), ("done_redacted.mp4", CONTENT)):
        lake.upload_blob(name, content)
    lake.upload_blob("taken.MOV", CONTENT)
    reconcile(RESTED)
    assert sources() == ["taken.MOV"]


def test_an_append_blob_is_taken_once_nothing_has_been_appended_for_an_hour(
    lake: ContainerClient, reconcile: Reconcile, sources: Callable[[], list[str]]
) -> None:
    lake.upload_blob("camera.mp4", CONTENT, blob_type=BlobType.APPENDBLOB)
    lake.upload_blob("other.mp4", CONTENT)
    assert reconcile(timedelta(minutes=30)) == {End.SUBMITTED: 1}
    assert sources() == ["other.mp4"]
    assert reconcile(timedelta(minutes=61)) == {End.SUBMITTED: 1}
    assert sources() == ["camera.mp4", "other.mp4"]


def test_what_came_by_a_copy_or_a_rename_is_found_where_it_is_now(
    lake: ContainerClient, reconcile: Reconcile, sources: Callable[[], list[str]]
) -> None:
    """A copy and the deletion of the source stand for a rename, which the emulator lacks."""
    original = lake.upload_blob("party.tmp", CONTENT)
    for name in ("copied.mp4", "renamed.mp4"):
        lake.get_blob_client(name).start_copy_from_url(original.url)
    original.delete_blob()
    assert reconcile(RESTED) == {End.SUBMITTED: 2}
    assert sources() == ["copied.mp4", "renamed.mp4"]


def test_an_hour_without_events_function_or_service_loses_nothing(
    wired: Settings, lake: ContainerClient, entra: Entra, reconcile: Reconcile, sources: Callable[[], list[str]]
) -> None:
    lake.upload_blob("before.mp4", CONTENT)
    reconcile(RESTED)
    lake.upload_blob("during.mp4", CONTENT)
    unreachable = replace(wired, media_endpoint="https://127.0.0.1:1")
    assert dict(made(unreachable, entra, timedelta(minutes=20)).run()) == {End.RETRY: 2}
    lake.upload_blob("after.mp4", CONTENT)
    assert reconcile(timedelta(minutes=75)) == {End.SUBMITTED: 2}
    assert sources() == ["after.mp4", "before.mp4", "during.mp4"]


def test_what_could_not_be_submitted_is_tried_again_by_the_next_run(
    wired: Settings, lake: ContainerClient, entra: Entra, media_service: MediaService
) -> None:
    deploy(wired, entra)
    lake.upload_blob("unlucky.mp4", CONTENT)
    throttled = replace(wired, media_endpoint=media_service.endpoint)
    for ahead, status in ((timedelta(minutes=6), 503), (timedelta(hours=3), 201)):
        media_service.answers["PUT", ASSETS] = [Answer(status)]
        run = dict(made(throttled, entra, ahead).run())
        assert run == {End.RETRY if status == 503 else End.SUBMITTED: 1}
    assert len(media_service.jobs) == 1


def test_what_is_left_when_the_time_is_over_is_submitted_by_the_next_run(
    wired: Settings,
    lake: ContainerClient,
    entra: Entra,
    sources: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deploy(wired, entra)
    for name in ("a.mp4", "b.mp4"):
        lake.upload_blob(name, CONTENT)
    with monkeypatch.context() as short:
        short.setattr(reconciliation, "RUN_SECONDS", 0.0)
        assert dict(made(wired, entra, RESTED).run()) == {End.RETRY: 2}
    assert sources() == []
    assert dict(made(wired, entra, timedelta(hours=3)).run()) == {End.SUBMITTED: 2}


class _FullLake(Lake):
    """A lake of 20,000 new uploads, of which one in ten is an append blob that may still grow."""

    def page(self, marker: str | None = None, folder: str = "") -> tuple[list[Blob], str | None]:
        now = datetime.now(UTC)
        return [
            Blob(f"{number:05}.mp4", f"0x{number:X}", 1, now, appendable=number % 10 == 0, copying=False)
            for number in range(20_000)
        ], None


class _KnowingAccount(MediaAccount):
    """An account that has a job for each upload."""

    def job_state(self, name: str) -> str | None:
        return "Finished"


def test_uploads_are_not_compared_with_each_other_however_many_there_are(
    wired: Settings, entra: Entra, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A comparison of each with all others would outlast the function's time."""
    deploy(wired, entra)
    compared: list[object] = []

    def counted(self: object, _: object) -> bool:
        compared.append(self)
        return False

    monkeypatch.setattr(reconciliation._Upload, "__eq__", counted)
    credential = entra.credential()
    progress = ProgressStore(wired.reconcile_state, credential)
    before = progress.read(existing=False)
    lake, account = _FullLake(wired, credential), _KnowingAccount(wired, credential)
    Reconciliation(wired, lake, account, progress, lambda: datetime.now(UTC) + RESTED).run()
    assert compared == []
    assert progress.read(existing=False).through >= before.through
    (line,) = [json.loads(r.getMessage()) for r in caplog.records if r.name == "redact_on_upload"]
    assert (line["looked"], line["missing"], line["later"]) == (20_000, 0, 2_000)


def test_an_upload_whose_event_came_has_no_second_job(
    wired: Settings,
    lake: ContainerClient,
    entra: Entra,
    reconcile: Reconcile,
    make_event: Callable[..., func.EventGridEvent],
    sources: Callable[[], list[str]],
) -> None:
    blob = lake.upload_blob("announced.mp4", CONTENT)
    etag = blob.get_blob_properties().etag.strip('"')
    subject = f"/blobServices/default/containers/{wired.upload_container}/blobs/announced.mp4"
    credential = entra.credential()
    function = Submission(wired, Lake(wired, credential), MediaAccount(wired, credential), store(wired, entra))
    function.handle(make_event(url=blob.url, subject=subject, eTag=etag))
    assert reconcile(RESTED) == {}
    assert sources() == ["announced.mp4"]


@pytest.mark.parametrize("existing", [False, True])
def test_what_was_there_before_the_deployment_is_taken_only_if_the_setting_says_so(
    wired: Settings, lake: ContainerClient, entra: Entra, sources: Callable[[], list[str]], *, existing: bool
) -> None:
    old = lake.upload_blob("old.mp4", CONTENT).get_blob_properties().last_modified
    while datetime.now(UTC) < old + timedelta(seconds=1):  # storage rounds times to seconds
        time.sleep(0.05)
    deploy(wired, entra)
    lake.upload_blob("new.mp4", CONTENT)
    wanted = replace(wired, reconcile_existing=existing)
    for _ in range(2):
        made(wanted, entra, RESTED).run()
    assert sources() == (["new.mp4", "old.mp4"] if existing else ["new.mp4"])


def test_the_setting_works_for_a_deployment_that_has_run_without_it(
    wired: Settings, lake: ContainerClient, entra: Entra, sources: Callable[[], list[str]]
) -> None:
    old = lake.upload_blob("old.mp4", CONTENT).get_blob_properties().last_modified
    while datetime.now(UTC) < old + timedelta(seconds=1):
        time.sleep(0.05)
    deploy(wired, entra)
    made(wired, entra, RESTED).run()
    assert sources() == []
    made(replace(wired, reconcile_existing=True), entra, RESTED).run()
    assert sources() == ["old.mp4"]


def test_many_uploads_without_an_event_get_one_job_each_and_a_second_run_makes_none(
    lake: ContainerClient,
    reconcile: Reconcile,
    sources: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = [f"video {number:04}.mp4" for number in range(MANY)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: lake.upload_blob(name, io.BytesIO(CONTENT)), names))
    assert reconcile(RESTED) == {End.SUBMITTED: MANY}
    assert reconcile(RESTED) == {}
    assert sources() == [name.replace(" ", "%20") for name in names]
    lines = [json.loads(r.getMessage()) for r in caplog.records if r.name == "redact_on_upload"]
    summaries = [line for line in lines if line["message"] == "reconciled"]
    assert [(line["looked"], line["missing"]) for line in summaries] == [(MANY, MANY), (MANY, 0)]
