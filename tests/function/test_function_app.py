"""The function as the host loads and calls it, against real storage and a recorded media service."""

import importlib.util
import json
import logging
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.function.recording import ASSETS, JOBS, Answer, MediaService
from trigger.outcomes import Retry
from trigger.settings import SettingsError

type MakeEvent = Callable[..., func.EventGridEvent]
FUNCTION_APP = Path(__file__).parents[2] / "function" / "function_app.py"
CONTAINER = "uploads"
CONTENT = b"not really a video"


@pytest.fixture
def deployed(
    environment: dict[str, str],
    azurite: Azurite,
    entra: Entra,
    media_service: MediaService,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, str]]:
    """The process's environment is the Function App's."""
    lake = azurite.endpoints["lake1"].blob
    client_id = environment["AZURE_CLIENT_ID"]
    app_settings = (
        environment
        | {"LAKE_BLOB_ENDPOINT": lake, "LAKE_DFS_ENDPOINT": lake, "UPLOAD_CONTAINER": CONTAINER}
        | {"MEDIA_ENDPOINT": media_service.endpoint, "MEDIA_AUDIENCE": "api://media"}
        | entra.environment(client_id)
    )
    for name, value in app_settings.items():
        monkeypatch.setenv(name, value)
    make = logging.getLogRecordFactory()
    yield app_settings
    logging.setLogRecordFactory(make)


@pytest.fixture(scope="module")
def blobs(azurite: Azurite, entra: Entra) -> Iterator[BlobServiceClient]:
    with BlobServiceClient(azurite.endpoints["lake1"].blob, credential=entra.credential()) as client:
        client.create_container(CONTAINER)
        yield client


@pytest.fixture
def upload(
    deployed: dict[str, str], blobs: BlobServiceClient, make_event: MakeEvent
) -> Callable[..., func.EventGridEvent]:
    def put(name: str, **data: object) -> func.EventGridEvent:
        blob = blobs.get_blob_client(CONTAINER, name)
        etag = blob.upload_blob(CONTENT, overwrite=True)["etag"]
        subject = f"/blobServices/default/containers/{CONTAINER}/blobs/{name}"
        fields = {"url": blob.url, "eTag": etag.strip('"'), "contentLength": len(CONTENT)} | data
        return make_event(subject=subject, **fields)

    return put


def test_the_timer_submits_what_no_event_has_announced(
    deployed: dict[str, str],
    blobs: BlobServiceClient,
    media_service: MediaService,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from trigger import reconciliation

    lake = blobs.create_container(f"lake-{uuid.uuid4().hex}")
    state = blobs.create_container(f"state-{uuid.uuid4().hex}")
    lake.upload_blob("unannounced.mp4", CONTENT)
    monkeypatch.setenv("UPLOAD_CONTAINER", lake.container_name)
    monkeypatch.setenv("RECONCILE_STATE", state.url)
    monkeypatch.setattr(reconciliation, "REST", timedelta(0))
    (timer,) = [each for each in load().app.get_functions() if each.get_function_name() == "reconcile_uploads"]
    timer.get_user_function()(func.TimerRequest())
    assert len(media_service.jobs) == 1
    assert [line["message"] for line in outcomes(caplog)] == ["submitted", "reconciled"]


@pytest.fixture
def redact_on_upload(deployed: dict[str, str]) -> Callable[..., None]:
    return indexed(load())


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("function_app", FUNCTION_APP)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def indexed(module: ModuleType) -> Callable[..., None]:
    """The function redact_on_upload."""
    for function in module.app.get_functions():
        if function.get_function_name() == "redact_on_upload":
            user_function: Callable[..., None] = function.get_user_function()
            return user_function
    raise AssertionError("there is no such function")


def outcomes(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(r.getMessage()) for r in caplog.records if r.name == "redact_on_upload"]


def test_is_indexed_as_an_event_grid_function_and_a_timer(deployed: dict[str, str]) -> None:
    triggers = {function.get_function_name(): function.get_trigger() for function in load().app.get_functions()}
    assert {name: trigger and (trigger.type, trigger.name) for name, trigger in triggers.items()} == {
        "redact_on_upload": ("eventGridTrigger", "event"),
        "reconcile_uploads": ("timerTrigger", "timer"),
    }
    timer = triggers["reconcile_uploads"]
    assert timer
    assert timer.get_dict_repr()["schedule"] == "%RECONCILE_SCHEDULE%"


def test_an_upload_becomes_an_asset_and_a_job_that_can_read_it(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    media_service: MediaService,
    certificates: Certificates,
    caplog: pytest.LogCaptureFixture,
) -> None:
    event = upload("2026/my über party.mp4")
    redact_on_upload(event)

    asset, job = media_service.requests
    name = job.path.removeprefix(JOBS)
    assert re.fullmatch(r"my-uber-party-[0-9a-f]{32}", name)
    assert (asset.method, asset.path) == ("PUT", ASSETS + name)
    source = event.get_json()["url"]
    assert source.endswith("/2026/my%20%C3%BCber%20party.mp4")
    assert asset.body["properties"]["alternateId"] == source
    properties = job.body["properties"]
    assert properties["outputs"] == [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name}]
    assert properties["correlationData"] == {
        "source": source,
        "eTag": event.get_json()["eTag"],
        "eventId": event.id,
    }
    assert properties["input"]["@odata.type"] == "#Microsoft.Media.JobInputHttp"
    [link] = properties["input"]["files"]
    assert httpx.get(link, verify=certificates.client_context).content == CONTENT
    assert parse_qs(urlsplit(link).query)["sp"] == ["r"]
    assert job.token.startswith("Bearer ")
    [line] = outcomes(caplog)
    assert (line["message"], line["job"], line["source"]) == ("submitted", name, source)


def test_the_same_event_twice_makes_one_job(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    media_service: MediaService,
    caplog: pytest.LogCaptureFixture,
) -> None:
    event = upload("twice.mp4")
    redact_on_upload(event)
    redact_on_upload(event)
    assert len(media_service.jobs) == 1
    assert [line["message"] for line in outcomes(caplog)] == ["submitted", "duplicate"]


def test_two_uploads_to_one_address_make_two_jobs(
    redact_on_upload: Callable[..., None], upload: MakeEvent, media_service: MediaService
) -> None:
    redact_on_upload(upload("again.mp4"))
    redact_on_upload(upload("again.mp4"))
    assert len(media_service.jobs) == 2


def test_the_blob_and_the_dfs_address_of_one_upload_make_one_job(
    deployed: dict[str, str],
    upload: MakeEvent,
    media_service: MediaService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAKE_DFS_ENDPOINT", "https://lake1.dfs.core.windows.net/")
    redact_on_upload = indexed(load())
    event = upload("both ways.mp4")
    redact_on_upload(event)
    data = event.get_json()
    dfs = data["url"].replace(deployed["LAKE_BLOB_ENDPOINT"], "https://lake1.dfs.core.windows.net/")
    assert dfs != data["url"]
    redact_on_upload(
        func.EventGridEvent(
            id="another",
            data=data | {"url": dfs, "api": "FlushWithClose"},
            topic="",
            subject=event.subject,
            event_type=event.event_type,
            event_time=None,
            data_version="2",
        )
    )
    assert len(media_service.jobs) == 1


def test_clients_and_the_delegation_key_serve_more_than_one_event(
    redact_on_upload: Callable[..., None], upload: MakeEvent, media_service: MediaService
) -> None:
    for name in ("first.mp4", "second.mp4"):
        redact_on_upload(upload(name))
    links = [job.body["properties"]["input"]["files"][0] for job in media_service.of("PUT", JOBS)]
    assert len({parse_qs(urlsplit(link).query)["ske"][0] for link in links}) == 1
    assert len({job.token for job in media_service.requests}) == 1


def test_a_late_event_makes_the_job_of_the_version_that_is_there(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    media_service: MediaService,
    caplog: pytest.LogCaptureFixture,
) -> None:
    former, latter = upload("overwritten.mp4"), upload("overwritten.mp4")
    redact_on_upload(former)
    redact_on_upload(latter)
    assert len(media_service.jobs) == 1
    (job, *_) = media_service.of("PUT", JOBS)
    assert job.body["properties"]["correlationData"]["eTag"] == latter.get_json()["eTag"]
    lines = outcomes(caplog)
    assert [line["message"] for line in lines] == ["submitted", "duplicate"]
    assert lines[0]["eventETag"] == former.get_json()["eTag"] != lines[0]["eTag"]


def test_an_event_of_a_blob_that_is_gone_makes_no_job(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    blobs: BlobServiceClient,
    media_service: MediaService,
    caplog: pytest.LogCaptureFixture,
) -> None:
    event = upload("gone.mp4")
    blobs.get_blob_client(CONTAINER, "gone.mp4").delete_blob()
    redact_on_upload(event)
    assert media_service.requests == []
    [line] = outcomes(caplog)
    assert (line["message"], line["reason"]) == ("ignored", "the blob is gone: deleted or renamed")


def test_a_rename_and_a_commit_by_sftp_make_jobs_whatever_length_their_events_say(
    redact_on_upload: Callable[..., None], upload: MakeEvent, make_event: MakeEvent, media_service: MediaService
) -> None:
    redact_on_upload(upload("sftp.mp4", api="SftpCommit", contentLength=0))
    written = upload("renamed.mp4")
    data = {"eTag": None, "contentLength": None, "destinationUrl": written.get_json()["url"]}
    renamed = make_event(None, written.subject, "Microsoft.Storage.BlobRenamed", api="RenameFile", **data)
    redact_on_upload(renamed)
    redact_on_upload(written)
    assert len(media_service.jobs) == 2


def test_an_empty_blob_makes_no_job(
    redact_on_upload: Callable[..., None], upload: MakeEvent, blobs: BlobServiceClient, media_service: MediaService
) -> None:
    event = upload("empty.mp4", contentLength=0)
    blobs.get_blob_client(CONTAINER, "empty.mp4").upload_blob(b"", overwrite=True)
    redact_on_upload(event)
    assert media_service.requests == []


@pytest.mark.parametrize("api", ["CreateFile", "SftpCreate"])
def test_an_event_to_ignore_asks_nobody_anything(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    media_service: MediaService,
    caplog: pytest.LogCaptureFixture,
    api: str,
) -> None:
    redact_on_upload(upload("ignored.mp4", api=api))
    assert media_service.requests == []
    [line] = outcomes(caplog)
    assert (line["message"], api in line["reason"]) == ("ignored", True)


def test_a_foreign_address_is_refused_without_another_delivery(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    media_service: MediaService,
    caplog: pytest.LogCaptureFixture,
) -> None:
    redact_on_upload(upload("foreign.mp4", url="https://lake2.blob.core.windows.net/raw/foreign.mp4"))
    assert media_service.requests == []
    [line] = outcomes(caplog)
    assert (line["message"], "lake2" in line["reason"]) == ("refused", True)


@pytest.mark.parametrize("start", [ASSETS, JOBS])
def test_what_a_later_delivery_may_mend_is_raised(
    redact_on_upload: Callable[..., None], upload: MakeEvent, media_service: MediaService, start: str
) -> None:
    for status in (401, 403, 404, 408, 409, 412, 429, 500, 502, 503):
        event = upload(f"later {status}.mp4")
        media_service.answers["PUT", start] = [Answer(status, headers={"Retry-After": "60"})]
        before = len(media_service.of("PUT", start))
        with pytest.raises(Retry):
            redact_on_upload(event)
        assert len(media_service.of("PUT", start)) == before + 1, status  # Event Grid repeats, not the function
        made = len(media_service.jobs)
        redact_on_upload(event)
        assert len(media_service.jobs) == made + 1, status


@pytest.mark.parametrize("start", [ASSETS, JOBS])
def test_what_no_delivery_can_mend_is_logged_with_the_service_s_reason(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    media_service: MediaService,
    caplog: pytest.LogCaptureFixture,
    start: str,
) -> None:
    reason = {"error": {"code": "BadRequest", "message": "this input is not allowed"}}
    for status in (400, 413, 422):
        media_service.answers["PUT", start] = [Answer(status, reason)]
        redact_on_upload(upload("never.mp4"))
        line = outcomes(caplog)[-1]
        assert (line["message"], "this input is not allowed" in line["reason"]) == ("refused", True), status
    assert media_service.jobs == set()


@pytest.mark.parametrize("status", [400, 500])
def test_no_signature_leaves_the_function_but_in_the_job(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    media_service: MediaService,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("azure.core", "azure.identity", "azure.storage", "azure.mgmt", "msal", "urllib3"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    echo = [Answer(status)]
    media_service.answers["PUT", JOBS] = echo
    real_answer = media_service.answer

    def echoing(request: Any) -> Answer:
        answer = real_answer(request)
        if answer is not echo_answer:
            return answer
        [link] = request.body["properties"]["input"]["files"]
        return Answer(status, {"error": {"code": "Failed", "message": f"cannot read {link}"}})

    [echo_answer] = echo
    monkeypatch.setattr(media_service, "answer", echoing)
    raised = ""
    try:
        redact_on_upload(upload("secret.mp4"))
    except Retry as error:
        assert error.__cause__ is None
        assert error.__suppress_context__
        raised = str(error)
    [job] = media_service.of("PUT", JOBS)
    [link] = job.body["properties"]["input"]["files"]
    signature = re.search(r"sig=([^&]+)", link)
    assert signature
    assert "cannot read" in caplog.text + raised
    assert signature[1] not in caplog.text + raised
    assert "sig=***" in caplog.text


def test_a_conflict_without_a_job_is_raised(
    redact_on_upload: Callable[..., None], upload: MakeEvent, media_service: MediaService
) -> None:
    media_service.answers["PUT", JOBS] = [Answer(409)]
    with pytest.raises(Retry):
        redact_on_upload(upload("conflict.mp4"))
    assert media_service.jobs == set()


def test_a_copy_that_has_not_ended_is_raised(
    redact_on_upload: Callable[..., None],
    deployed: dict[str, str],
    make_event: MakeEvent,
    media_service: MediaService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake = f"{media_service.endpoint}/lake1/"
    monkeypatch.setenv("LAKE_BLOB_ENDPOINT", lake)
    headers = {"x-ms-copy-status": "pending", "Last-Modified": "Thu, 26 Nov 2026 10:00:00 GMT", "ETag": '"0x1"'}
    media_service.answers["HEAD", "/lake1/"] = [Answer(200, headers=headers)]
    subject = f"/blobServices/default/containers/{CONTAINER}/blobs/copy.mp4"
    event = make_event(url=f"{lake}{CONTAINER}/copy.mp4", subject=subject, api="CopyBlob")
    with pytest.raises(Retry, match="still being copied"):
        redact_on_upload(event)
    assert media_service.of("PUT", "") == []


def test_a_managed_identity_without_tokens_is_raised(
    deployed: dict[str, str],
    upload: MakeEvent,
    media_service: MediaService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises(Retry):
        indexed(load())(upload("tokenless.mp4"))
    assert media_service.requests == []


def test_unreachable_services_are_raised(
    deployed: dict[str, str], upload: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = upload("alone.mp4")
    monkeypatch.setenv("MEDIA_ENDPOINT", "https://127.0.0.1:1")
    with pytest.raises(Retry):
        indexed(load())(event)


def test_a_wrong_setting_is_named_at_every_event_and_the_app_still_loads(
    deployed: dict[str, str], upload: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = upload("unset.mp4")
    monkeypatch.setenv("SAS_HOURS", "soon")
    redact_on_upload = indexed(load())
    for _ in range(2):
        with pytest.raises(SettingsError, match=r"^setting SAS_HOURS is 'soon'; allowed: "):
            redact_on_upload(event)


def test_a_service_that_does_not_answer_is_given_up_in_time(
    redact_on_upload: Callable[..., None],
    upload: MakeEvent,
    media_service: MediaService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from trigger import deadline, submission

    monkeypatch.setattr(submission, "Deadline", lambda: deadline.Deadline(3.0))
    media_service.answers["PUT", ASSETS] = [Answer(201, delay=30), Answer(201, delay=30)]
    with pytest.raises(Retry):
        redact_on_upload(upload("silent.mp4"))
    assert len(media_service.of("PUT", ASSETS)) == 2  # one repetition, since the connection may have been stale


def test_importing_the_app_imports_nothing_of_other_rooms() -> None:
    source = FUNCTION_APP.parent
    imported = {
        match
        for file in source.rglob("*.py")
        for match in re.findall(r"^(?:from|import) (\w+)", file.read_text(), re.MULTILINE)
    }
    assert imported <= set(sys.stdlib_module_names) | {"azure", "trigger"}
