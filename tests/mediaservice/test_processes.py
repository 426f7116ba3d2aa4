"""The processes as the containers run them: start, real redaction, stop."""

import io
import time
from collections.abc import Callable

import av
import httpx
import psutil
import pytest

from local.services.entra import Entra
from tests.mediaservice.deployment import Deployment, Pipeline, serving


def test_the_engine_itself_redacts_a_video(pipeline: Pipeline, name: str, video: bytes) -> None:
    container = pipeline.submit(name, video, "astronaut.mp4")
    del pipeline.deployment.environment["ENGINE_COMMAND"]
    pipeline.work()
    job = pipeline.job(name)
    assert (job.state, job.outputs[0].error) == ("Finished", None)
    files = pipeline.files(container)
    with av.open(io.BytesIO(files["astronaut_redacted.mp4"]), "r") as redacted:
        assert len(list(redacted.decode(video=0))) == 10
    with pipeline.deployment.blobs as blobs:
        found = blobs.get_blob_client(container, "astronaut_redacted.mp4").get_blob_properties().metadata
    assert (found["faces"], found["frames"]) == ("1", "10")


def test_a_text_file_called_mp4_is_malformed_and_nothing_is_published(pipeline: Pipeline, name: str) -> None:
    container = pipeline.submit(name, b"this is no video\n" * 100, "notes.mp4")
    del pipeline.deployment.environment["ENGINE_COMMAND"]
    pipeline.work()
    job = pipeline.job(name)
    error = job.outputs[0].error
    assert (job.state, error.code, error.category, error.retry) == (
        "Error",
        "ContentMalformed",
        "Content",
        "DoNotRetry",
    )
    assert error.message.startswith("notes.mp4: ")
    assert pipeline.files(container) == {}


def test_a_canceled_engine_leaves_nothing_behind(pipeline: Pipeline, name: str, video: bytes) -> None:
    container = pipeline.submit(name, video)
    del pipeline.deployment.environment["ENGINE_COMMAND"]
    with pipeline.start() as worker:
        pipeline.until(lambda: psutil.Process(worker.pid).children())
        pipeline.cancel(name)
        pipeline.until(lambda: pipeline.job(name).state == "Canceled", seconds=4)
        assert worker.wait(15) == 0
    assert pipeline.files(container) == {}
    assert not list(pipeline.folder.glob("redaction-*"))


def test_the_api_stops_on_a_signal(deploy: Callable[[], Deployment], entra: Entra) -> None:
    with serving(deploy(), entra) as service:
        psutil.Process(service.process.pid).terminate()
        assert service.process.wait(5) in (0, -15)


def test_a_worker_without_work_leaves_at_once(pipeline: Pipeline) -> None:
    begun = time.monotonic()
    pipeline.work()
    assert time.monotonic() - begun < 10


def test_an_execution_takes_one_message_and_leaves_the_others(pipeline: Pipeline, name: str) -> None:
    jobs = [f"{name}-{number}" for number in range(2)]
    for job in jobs:
        pipeline.submit(job, {})
    pipeline.work("--once")
    assert sorted(pipeline.job(job).state for job in jobs) == ["Finished", "Queued"]
    pipeline.work("--once")
    assert [pipeline.job(job).state for job in jobs] == ["Finished", "Finished"]
    pipeline.work("--once")  # an empty queue
    assert pipeline.messages() == 0


@pytest.mark.parametrize(
    ("broken", "missing"),
    [
        ({}, None),
        ({"JOBS_QUEUE": "missing"}, ["storage"]),
        ({"TRANSFORMS_TABLE": "missing"}, ["storage"]),
        ({"STORAGE_BLOB_ENDPOINT": "https://127.0.0.1:9/media1"}, ["storage"]),
        ({"TOKEN_AUTHORITY": "https://127.0.0.1:9"}, ["signing keys"]),
    ],
)
def test_an_api_is_ready_when_storage_answers_and_the_tenants_keys_are_here(
    deploy: Callable[[], Deployment], entra: Entra, broken: dict[str, str], missing: list[str] | None
) -> None:
    with serving(deploy().with_environment(**broken), entra) as service:
        answer = service.http.get("/readyz", timeout=10)
        assert service.http.get("/healthz").status_code == httpx.codes.OK
    expected = (503, {"status": "not ready", "missing": missing}) if missing else (200, {"status": "ready"})
    assert (answer.status_code, answer.json()) == expected


def test_a_failure_of_storage_is_a_500_in_the_services_words_and_not_a_404(
    deploy: Callable[[], Deployment], entra: Entra
) -> None:
    with serving(deploy().with_environment(ASSETS_TABLE="missing"), entra) as service:
        answer = service.http.get(
            f"{service.path}/assets/a",
            params={"api-version": "2022-08-01"},
            headers={"authorization": f"Bearer {service.token()}"},
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "InternalServerError")
    assert "odata-version" not in answer.headers  # which Resource Manager's errors do not have


def test_a_worker_waits_out_storage_that_is_not_there_and_loses_nothing(pipeline: Pipeline, name: str) -> None:
    pipeline.submit(name, {})
    with pipeline.start(JOBS_TABLE="missing") as worker:
        pipeline.until(lambda: "will be tried again" in worker.tail())
    assert pipeline.job(name).state == "Queued"
    assert pipeline.messages() == 1
