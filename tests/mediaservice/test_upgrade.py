"""Upgrade and rollback: processes of an earlier version beside those of this one, on the same tables and queue.

The earlier version is the newest tag before this commit, else `LANDED`. Its code comes from the clone's history, and is
run as it was. A clone without history, a shallow one, skips these tests; `test_recorded.py` then still shows that
this version goes on with rows and messages that an earlier one has written.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from local.host.ports import free_port
from local.services.entra import Entra
from tests.mediaservice import recording
from tests.mediaservice.deployment import GROUP, Deployment, Pipeline, serving
from tests.mediaservice.recording import RECORDED
from tests.mediaservice.worker.test_jobs_end_to_end import engines

LANDED = "ae250ac5"
ROOT = Path(__file__).parents[2]
CODE = ("mediaservice", "redactor")


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


def earlier_version() -> str:
    tags = git("tag", "--merged", "HEAD~1", "--sort=-version:refname", "v*").decode().split()
    return tags[0] if tags else git("rev-parse", "--verify", f"{LANDED}^{{commit}}").decode().strip()


@pytest.fixture(scope="module")
def earlier_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    try:
        archive = git("archive", earlier_version(), *CODE)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the history of this clone does not have the earlier version")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def with_stand_in(deployment: Deployment, folder: Path) -> Deployment:
    command = f"{sys.executable} {Path(__file__).with_name('stand_in_engine.py')}"
    return deployment.with_environment(ENGINE_COMMAND=command, JOB_LEASE_SECONDS="3", TMPDIR=str(folder))


@dataclass(frozen=True)
class Rollout:
    """Both versions on the same account."""

    earlier: Pipeline
    now: Pipeline

    def both_ways(self) -> Iterator[tuple[Pipeline, Pipeline]]:
        yield self.earlier, self.now
        yield self.now, self.earlier


@pytest.fixture(scope="module")
def rollout(
    deploy: Callable[[], Deployment], earlier_code: Path, entra: Entra, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rollout]:
    folder = tmp_path_factory.mktemp("work")
    now = with_stand_in(deploy(), folder)
    earlier = replace(now.with_environment(PORT=str(free_port())), code=earlier_code)
    with (
        serving(earlier, entra) as old_api,
        serving(now, entra) as new_api,
        old_api.client() as old_client,
        new_api.client() as new_client,
    ):
        yield Rollout(Pipeline(old_api, earlier, old_client, folder), Pipeline(new_api, now, new_client, folder))


def test_each_version_does_the_jobs_that_the_other_has_accepted(rollout: Rollout, name: str) -> None:
    for accepting, working in rollout.both_ways():
        mine = f"{name}-{accepting.service.process.pid}"
        container = accepting.submit(mine, {})
        working.work()
        assert {accepting.job(mine).state, working.job(mine).state} == {"Finished"}
        assert [*accepting.files(container)] == ["clip_redacted.mp4"]


def test_each_version_takes_over_from_a_lost_worker_of_the_other(rollout: Rollout, name: str) -> None:
    for lost, following in rollout.both_ways():
        mine = f"{name}-{lost.service.process.pid}"
        log, go = lost.folder / f"{mine}.log", lost.folder / f"{mine}.go"
        container = lost.submit(mine, {"log": str(log), "wait_for": str(go)})
        with lost.start() as worker:
            lost.until(lambda: engines(log, "begun"))  # noqa: B023 — called at once
            psutil.Process(worker.pid).kill()
        go.touch()
        following.until(following.visible)
        following.work()
        assert following.job(mine).state == "Finished"
        assert [*following.files(container)] == ["clip_redacted.mp4"]


def test_each_version_cancels_what_the_other_holds(rollout: Rollout, name: str) -> None:
    for holding, other in rollout.both_ways():
        mine = f"{name}-{holding.service.process.pid}"
        log = holding.folder / f"{mine}.log"
        container = holding.submit(mine, {"log": str(log), "wait_for": str(holding.folder / "never")})
        with holding.start() as worker:
            holding.until(lambda: engines(log, "begun"))  # noqa: B023 — called at once
            other.cancel(mine)
            assert worker.wait(30) == 0, worker.tail()
        assert {holding.job(mine).state, other.job(mine).state} == {"Canceled"}
        assert not holding.files(container)


def test_a_rollout_under_load_does_each_job_once_and_both_list_the_same(rollout: Rollout, name: str) -> None:
    log = rollout.now.folder / f"{name}.log"
    containers = {}
    for number in range(12):
        accepting = rollout.earlier if number % 2 else rollout.now
        containers[f"{name}-{number}"] = accepting.submit(f"{name}-{number}", {"log": str(log)})
    with (
        rollout.earlier.start() as first,
        rollout.now.start() as second,
        rollout.earlier.start() as third,
        rollout.now.start() as fourth,
    ):
        for worker in (first, second, third, fourth):
            assert worker.wait(60) == 0, worker.tail()
    assert len(engines(log, "done")) == len(containers)
    for container in containers.values():
        assert [*rollout.now.files(container)] == ["clip_redacted.mp4"]
    lists = [
        [(str(job.name), str(job.state)) for job in each.media.jobs.list(GROUP, each.service.account, "faceredact")]
        for each in (rollout.earlier, rollout.now)
    ]
    assert lists[0] == lists[1]
    assert {state for job, state in lists[0] if job in containers} == {"Finished"}
    assert rollout.now.messages() == 0
    assert rollout.now.messages("POISON_QUEUE") == 0


def test_the_recording_is_what_the_earlier_version_writes(
    deploy: Callable[[], Deployment], earlier_code: Path, entra: Entra, tmp_path: Path
) -> None:
    """With RECORD_ROWS=1 it is recorded anew, after a new version has been tagged."""
    deployment = replace(with_stand_in(deploy(), tmp_path), code=earlier_code)
    with serving(deployment, entra) as service, service.client() as client:
        pipeline = Pipeline(service, deployment, client, tmp_path)
        recording.make(pipeline)
        pipeline.until(lambda: len(recording.record(pipeline)["messages"]) == 3, 30)  # the lost worker's is back
        found = recording.record(pipeline)
    if os.environ.get("RECORD_ROWS"):
        RECORDED.write_text(json.dumps(found, indent=1) + "\n")
    assert recording.shape(json.loads(RECORDED.read_text())) == recording.shape(found)
