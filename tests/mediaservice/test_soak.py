"""Jobs under random kills and restarts of storage: SOAK_JOBS (50) for each of SOAK_SEEDS (1), in SOAK_SECONDS.

All counts must be zero at the end. Azurite is stopped rather than killed, since it acknowledges requests before it
writes them to disk, which Azure Storage does not.
"""

import concurrent.futures
import os
import random
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from local.host import processes
from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.mediaservice.deployment import ACCOUNT_NAME, Pipeline, deployed, serving
from tests.mediaservice.swarm import FINAL, Swarm

pytestmark = pytest.mark.azurite

JOBS = int(os.environ.get("SOAK_JOBS", "50"))
SEEDS = [int(seed) for seed in os.environ.get("SOAK_SEEDS", "1").split()]
CLIENTS = 4
PATIENCE = float(os.environ.get("SOAK_SECONDS", 60 + JOBS))


@dataclass
class Soak(Swarm):
    """A swarm whose clients, workers, API and storage one random sequence kills from time to time."""

    storage: Azurite = field(kw_only=True)
    chance: random.Random = field(kw_only=True)
    api: list[processes.Process] = field(default_factory=list)  # those started after the first
    kills: int = 0
    restarts: int = 0  # of storage

    def misfortune(self, submitted: list[str]) -> None:
        what = self.chance.random()
        if what < 0.5:
            _kill(self.chance.choice(self.workers))
            self.kills += 1
        elif what < 0.6:
            _kill(self.api[-1] if self.api else self.pipeline.service.process)
            self.kills += 1
            self.api.append(self.pipeline.service.deployment.start("api"))
        elif what < 0.65:
            self.storage.process.stop(grace=30)  # so that it writes all that it has acknowledged
            self.storage.__enter__()
            self.restarts += 1
        elif what < 0.75:
            self.call("POST", f"/transforms/faceredact/jobs/{self.chance.choice(submitted)}/cancelJob")
        elif what < 0.9:
            with self.pipeline.queue() as queue:
                for message in queue.peek_messages():
                    queue.send_message(str(message.content))

    def await_work(self, taken: int) -> None:
        """Wait until more jobs than that have been taken, since workers start slowly on a slow machine."""
        deadline = time.monotonic() + self.patience
        while self.said("job taken").total() <= taken and set(self.states().values()) - FINAL:
            assert time.monotonic() < deadline, "no worker takes a job"
            self.keep_workers()
            time.sleep(0.1)


def _kill(process: processes.Process) -> None:
    if process.running:
        psutil.Process(process.pid).kill()
        process.wait(5)


@pytest.fixture
def soak(certificates: Certificates, entra: Entra, tmp_path: Path, seed: int) -> Iterator[Soak]:
    stand_in = Path(__file__).with_name("stand_in_engine.py")
    data, folder = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    folder.mkdir()
    with Azurite([ACCOUNT_NAME], certificates, log=tmp_path / "azurite.log", data=data) as storage:
        deployment = deployed(storage, entra, certificates, tmp_path).with_environment(
            ENGINE_COMMAND=f"{sys.executable} {stand_in}",
            JOB_LEASE_SECONDS="3",
            JOB_MAX_ATTEMPTS="100",  # the kills must not use up a job's attempts
            TMPDIR=str(folder),
        )
        with serving(deployment, entra) as service, service.client() as client:
            running = Soak(
                Pipeline(service, deployment, client, folder), PATIENCE, storage=storage, chance=random.Random(seed)
            )
            yield running
            for process in (*running.workers, *running.api):
                process.stop()


@pytest.mark.parametrize("seed", SEEDS)
def test_no_job_is_lost_done_twice_or_half_whatever_is_killed_when(soak: Soak, seed: int) -> None:
    names = [f"job-{uuid.UUID(int=soak.chance.getrandbits(128), version=4)}" for _ in range(JOBS)]
    submitted: list[str] = []

    def submit(name: str) -> None:
        soak.submit(name)
        submitted.append(name)

    deadline = time.monotonic() + PATIENCE
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        submissions = [clients.submit(submit, name) for name in names]
        while not all(submission.done() for submission in submissions) or set(soak.states().values()) - FINAL:
            assert time.monotonic() < deadline, f"not over within {PATIENCE} s: {soak.states()}"
            soak.keep_workers()
            time.sleep(soak.chance.uniform(0.1, 1.5))  # each disturbance at a time of its own
            if submitted:
                taken = soak.said("job taken").total()
                soak.misfortune(submitted)
                soak.await_work(taken)
        for submission in submissions:
            submission.result()

    verdict = soak.verdict(names)
    summary = f"seed {seed}, {JOBS} jobs, {soak.kills} kills, {soak.restarts} restarts of storage, {verdict}"
    print(summary)
    assert verdict.good, summary
    assert soak.kills > 0
