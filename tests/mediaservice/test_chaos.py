"""Jobs while storage fails: CHAOS_JOBS (12) at each of CHAOS_PERCENT (20) of failing requests, in CHAOS_SECONDS.

Half of the failing requests are refused, half are done and their answers lost. API and workers meet this at blobs,
queue and tables; the test's own requests do not. All counts must be zero at the end.
"""

import concurrent.futures
import os
import random
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.mediaservice.deployment import ACCOUNT_NAME, Pipeline, deployed, serving
from tests.mediaservice.held_storage import held_storage
from tests.mediaservice.swarm import FINAL, Swarm

pytestmark = pytest.mark.azurite

JOBS = int(os.environ.get("CHAOS_JOBS", "12"))
PERCENTS = [float(percent) for percent in os.environ.get("CHAOS_PERCENT", "20").split()]
PATIENCE = float(os.environ.get("CHAOS_SECONDS", 120 + 4 * JOBS))
CLIENTS = 4
LOOK_SECONDS = 0.5


@dataclass
class Chaos:
    """A sequence of failures, by a seed. `refused` and `lost` count."""

    percent: float
    chance: random.Random
    refused: int = 0
    lost: int = 0
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def refuses(self, _method: str, _path: str, _content: bytes) -> int | None:
        with self.lock:
            self.requests += 1
            fails = self.chance.random() < self.percent / 200
            self.refused += fails
        return 503 if fails else None

    def loses(self) -> bool:
        with self.lock:
            fails = self.chance.random() < self.percent / 200
            self.lost += fails
        return fails


@pytest.fixture
def swarm(percent: float, certificates: Certificates, entra: Entra, tmp_path: Path) -> Iterator[tuple[Swarm, Chaos]]:
    stand_in = Path(__file__).with_name("stand_in_engine.py")
    chaos = Chaos(percent, random.Random(percent))
    with ExitStack() as life:
        storage = life.enter_context(Azurite([ACCOUNT_NAME], certificates, log=tmp_path / "azurite.log"))
        endpoints = storage.endpoints[ACCOUNT_NAME]
        through = {
            f"STORAGE_{service.upper()}_ENDPOINT": life.enter_context(
                held_storage(getattr(endpoints, service), certificates, lambda *_: False, chaos.refuses, chaos.loses)
            ).endpoint
            for service in ("blob", "queue", "table")
        }
        deployment = deployed(storage, entra, certificates, tmp_path).with_environment(
            ENGINE_COMMAND=f"{sys.executable} {stand_in}",
            JOB_LEASE_SECONDS="15",
            JOB_MAX_ATTEMPTS="100",  # failures of storage must not use up a job's attempts
            TMPDIR=str(tmp_path),
            **through,
        )
        service = life.enter_context(serving(deployment, entra))
        client = life.enter_context(service.client())
        running = Swarm(Pipeline(service, deployment, client, tmp_path), PATIENCE)
        yield running, chaos
        for process in running.workers:
            process.stop()


@pytest.mark.parametrize("percent", PERCENTS)
def test_no_job_is_lost_done_twice_or_half_while_storage_fails(swarm: tuple[Swarm, Chaos], percent: float) -> None:
    running, chaos = swarm
    names = [f"job-{uuid.UUID(int=random.Random(n).getrandbits(128), version=4)}" for n in range(JOBS)]
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        submissions = [clients.submit(running.submit, name) for name in names]
        while not all(each.done() for each in submissions) or set(running.states().values()) - FINAL:
            assert time.monotonic() < begun + PATIENCE, f"not over within {PATIENCE} s: {running.states()}"
            running.keep_workers()
            time.sleep(LOOK_SECONDS)
        for submission in submissions:
            submission.result()
    verdict = running.verdict(names)
    summary = (
        f"{percent:g} %, {JOBS} jobs in {time.monotonic() - begun:.0f} s, {chaos.requests} requests to storage, "
        f"{chaos.refused} refused, {chaos.lost} answers lost, {verdict}"
    )
    print(summary)
    assert verdict.good, summary
    assert chaos.refused > 0
    assert chaos.lost > 0
