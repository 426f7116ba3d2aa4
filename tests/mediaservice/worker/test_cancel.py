"""Cancellation at every stage of a job: within two seconds, repeatable, and without a published output."""

from collections.abc import Callable
from urllib.parse import urlsplit

import psutil
import pytest

from local.host.certificates import Certificates
from tests.mediaservice.deployment import Pipeline
from tests.mediaservice.held_storage import held_storage
from tests.mediaservice.worker.test_jobs_end_to_end import engines


def downloads(method: str, path: str) -> bool:
    return method == "GET" and urlsplit(path).path.endswith("/clip.mp4")


def uploads(method: str, path: str) -> bool:
    return method == "PUT" and "comp=block" in path


def commits(method: str, path: str) -> bool:
    return method == "PUT" and "comp=blocklist" in path


@pytest.mark.alone
@pytest.mark.parametrize("stage", [downloads, uploads, commits])
def test_a_job_canceled_while_its_worker_waits_for_storage_is_canceled_within_two_seconds(
    pipeline: Pipeline, certificates: Certificates, name: str, stage: Callable[[str, str], bool]
) -> None:
    blobs = pipeline.deployment.environment["STORAGE_BLOB_ENDPOINT"]
    with held_storage(blobs, certificates, stage) as storage:
        own = urlsplit(blobs).netloc
        container = pipeline.submit(name, {}, address=lambda url: url.replace(own, urlsplit(storage.endpoint).netloc))
        with pipeline.start(STORAGE_BLOB_ENDPOINT=storage.endpoint) as worker:
            pipeline.until(storage.waiting.is_set)
            pipeline.cancel(name)
            pipeline.cancel(name)  # a repetition changes nothing
            # blobs that may be committed are checked before the job is Canceled
            storage.go.set() if stage is commits else None
            pipeline.until(lambda: pipeline.job(name).state == "Canceled", seconds=2)
            storage.go.set()
            assert worker.wait(15) == 0
    job = pipeline.job(name)
    assert (job.state, job.outputs[0].state) == ("Canceled", "Canceled")
    assert (pipeline.files(container), pipeline.messages()) == ({}, 0)
    assert not list(pipeline.folder.glob("redaction-*"))


def test_a_job_canceled_while_queued_is_never_begun(pipeline: Pipeline, name: str) -> None:
    log = pipeline.folder / "log"
    container = pipeline.submit(name, {"log": str(log)})
    pipeline.cancel(name)
    assert pipeline.job(name).state == "Canceled"
    pipeline.work()
    assert (engines(log, "begun"), pipeline.files(container), pipeline.messages()) == ([], {}, 0)


@pytest.mark.alone
def test_a_job_canceled_while_its_engine_works_is_canceled_within_two_seconds(pipeline: Pipeline, name: str) -> None:
    log = pipeline.folder / "log"
    container = pipeline.submit(name, {"log": str(log), "wait_for": str(pipeline.folder / "never")})
    with pipeline.start() as worker:
        pipeline.until(lambda: engines(log, "begun"))
        pipeline.cancel(name)
        pipeline.cancel(name)
        pipeline.until(lambda: pipeline.job(name).state == "Canceled", seconds=2)
        assert worker.wait(15) == 0
    assert not psutil.pid_exists(engines(log, "begun")[0])
    assert pipeline.job(name).outputs[0].state == "Canceled"
    assert (pipeline.files(container), pipeline.messages()) == ({}, 0)


def test_canceling_a_job_that_is_over_changes_nothing(pipeline: Pipeline, name: str) -> None:
    container = pipeline.submit(name, {})
    pipeline.work()
    pipeline.cancel(name)
    assert pipeline.job(name).state == "Finished"
    assert list(pipeline.files(container)) == ["clip_redacted.mp4"]
