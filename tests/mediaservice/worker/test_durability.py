"""Disturbances in the middle of a job: storage that restarts, clocks that are wrong."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.host import processes
from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.mediaservice.deployment import ACCOUNT_NAME, Pipeline, deployed, serving
from tests.mediaservice.held_storage import held_storage
from tests.mediaservice.worker.test_jobs_end_to_end import engines

# Runs a module with a clock that is wrong by this many minutes.
SKEWED = """
import datetime, runpy, sys, time_machine
minutes, sys.argv = int(sys.argv[1]), sys.argv[1:]
now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
time_machine.travel(now, tick=True).start()
runpy.run_module("mediaservice", run_name="__main__", alter_sys=True)
"""


def skewed_worker(pipeline: Pipeline, minutes: int) -> processes.Process:
    return processes.start(
        "worker",
        [sys.executable, "-c", SKEWED, str(minutes), "worker"],
        environment=pipeline.deployment.environment,
        log=pipeline.deployment.folder / f"worker-{uuid.uuid4().hex[:6]}.log",
        folder=Path(__file__).parents[3],
    )


def test_workers_whose_clocks_are_minutes_apart_neither_take_a_held_job_nor_leave_a_lost_one(
    pipeline: Pipeline, name: str
) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    container = pipeline.submit(name, {"log": str(log), "wait_for": str(go)})
    with pipeline.queue() as queue:
        queue.send_message(str(queue.peek_messages()[0].content))
    with skewed_worker(pipeline, -10) as late:
        pipeline.until(lambda: engines(log, "begun"))
        with skewed_worker(pipeline, 10) as early:
            assert early.wait(30) == 0  # by its clock the job has not been written for twenty minutes
        assert len(engines(log, "begun")) == 1
        psutil.Process(late.pid).kill()
    go.touch()
    pipeline.until(pipeline.visible)
    with skewed_worker(pipeline, 10) as early:
        assert early.wait(30) == 0
    assert pipeline.job(name).state == "Finished"
    assert len(engines(log, "done")) == 1
    assert list(pipeline.files(container)) == ["clip_redacted.mp4"]


@pytest.fixture
def own_storage(certificates: Certificates, tmp_path: Path) -> Iterator[Azurite]:
    """Storage for one test, which can restart it with its data."""
    data = tmp_path / "data"
    data.mkdir()
    with Azurite([ACCOUNT_NAME], certificates, log=tmp_path / "azurite.log", data=data) as storage:
        yield storage


def test_a_worker_whose_message_ran_out_while_it_chose_a_job_takes_none(
    pipeline: Pipeline, certificates: Certificates, name: str
) -> None:
    """The message's new receiver may turn it to another job. Then nothing would bring this one back."""

    def looks_for_waiting_jobs(method: str, path: str) -> bool:
        return method == "GET" and "w%7C" in path

    tables = pipeline.deployment.environment["STORAGE_TABLE_ENDPOINT"]
    pipeline.submit(name, {})
    with (
        held_storage(tables, certificates, looks_for_waiting_jobs) as storage,
        pipeline.start(STORAGE_TABLE_ENDPOINT=storage.endpoint) as worker,
        pipeline.queue() as queue,
    ):
        pipeline.until(storage.waiting.is_set)
        pipeline.until(lambda: queue.receive_message(visibility_timeout=60))
        storage.go.set()
        assert worker.wait(15) == 0
        assert "lost the job to another worker" in worker.tail()
    assert pipeline.job(name).state == "Queued"


def test_a_worker_goes_on_with_its_job_when_storage_restarts_within_its_lease(
    own_storage: Azurite, certificates: Certificates, entra: Entra, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    log, go = folder / "log", folder / "go"
    stand_in = Path(__file__).parents[1] / "stand_in_engine.py"
    deployment = deployed(own_storage, entra, certificates, tmp_path).with_environment(
        ENGINE_COMMAND=f"{sys.executable} {stand_in}", JOB_LEASE_SECONDS="60", TMPDIR=str(folder)
    )
    with serving(deployment, entra) as service, service.client() as client:
        pipeline = Pipeline(service, deployment, client, folder)
        container = pipeline.submit(name, {"log": str(log), "wait_for": str(go)})
        with pipeline.start() as worker:
            pipeline.until(lambda: engines(log, "begun"))
            own_storage.process.stop()
            pipeline.until(lambda: "storage does not answer" in worker.tail(), seconds=30)
            own_storage.__enter__()
            go.touch()
            assert worker.wait(30) == 0, worker.tail()
        assert pipeline.job(name).state == "Finished"
        assert len(engines(log, "begun")) == 1
        assert list(pipeline.files(container)) == ["clip_redacted.mp4"]
