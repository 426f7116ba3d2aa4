"""Jobs under random kills and restarts of storage: SOAK_JOBS (50) for each of SOAK_SEEDS (1).

All counts must be zero at the end. Azurite is stopped rather than killed, since it acknowledges requests before it
writes them to disk, which Azure Storage does not.
"""

import concurrent.futures
import json
import os
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from local.host import processes
from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.mediaservice.deployment import ACCOUNT_NAME, Pipeline, deployed, serving

pytestmark = pytest.mark.azurite

JOBS = int(os.environ.get("SOAK_JOBS", "50"))
SEEDS = [int(seed) for seed in os.environ.get("SOAK_SEEDS", "1").split()]
WORKERS = 2
CLIENTS = 4
PATIENCE = 60 + JOBS  # seconds
FINAL = {"Finished", "Error", "Canceled"}
FILE = "clip_redacted.mp4"


@dataclass
class Soak:
    """Clients, workers, an API and storage, which one random sequence kills from time to time."""

    pipeline: Pipeline
    storage: Azurite
    chance: random.Random
    workers: list[processes.Process] = field(default_factory=list)
    api: list[processes.Process] = field(default_factory=list)  # those started after the first
    kills: int = 0
    restarts: int = 0  # of storage

    def call(self, method: str, path: str, query: Mapping[str, str] | None = None, **options: object) -> httpx.Response:
        """Repeat a request until the API answers. A request without an answer may have succeeded."""
        service = self.pipeline.service
        deadline = time.monotonic() + PATIENCE
        while True:
            headers = {"authorization": f"Bearer {service.token()}"}
            try:
                answer = service.http.request(
                    method,
                    service.path + path,
                    params={"api-version": "2022-07-01"} | dict(query or {}),
                    headers=headers,
                    **options,  # type: ignore[arg-type]
                )
                if answer.status_code < 500:
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the API does not come back"
            time.sleep(0.1)

    def submit(self, name: str) -> None:
        url = self.pipeline.upload({"name": name})
        assert self.call("PUT", f"/assets/{name}", json={"properties": {"container": name}}).status_code in (200, 201)
        job = {
            "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": [url]},
            "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name}],
            "priority": ("High", "Normal", "Low")[int(name[-1], 16) % 3],
        }
        accepted = self.call("PUT", f"/transforms/faceredact/jobs/{name}", json={"properties": job})
        assert accepted.status_code in (201, 409), accepted.text  # 409: its first answer was lost

    def keep_workers(self) -> None:
        for worker in self.workers:
            if not worker.running:
                worker.stop()
        self.workers = [worker for worker in self.workers if worker.running]
        while len(self.workers) < WORKERS:
            self.workers.append(self.pipeline.start())

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

    def said(self, message: str) -> Counter[str]:
        """Return how often the workers' logs have this message for each job."""
        lines = [
            line
            for log in self.pipeline.deployment.folder.glob("worker-*.log")
            for line in log.read_text().splitlines()
        ]
        return Counter(str(json.loads(line)["job"]) for line in lines if f'"message": "{message}"' in line)

    def await_work(self, taken: int) -> None:
        """Wait until more jobs than that have been taken, since workers start slowly on a slow machine."""
        deadline = time.monotonic() + PATIENCE
        while self.said("job taken").total() <= taken and set(self.states().values()) - FINAL:
            assert time.monotonic() < deadline, "no worker takes a job"
            self.keep_workers()
            time.sleep(0.1)

    def states(self) -> dict[str, str]:
        found: dict[str, str] = {}
        query: dict[str, str] = {}
        while True:
            page = self.call("GET", "/transforms/faceredact/jobs", query).json()
            found |= {job["name"]: job["properties"]["state"] for job in page["value"]}
            if "@odata.nextLink" not in page:
                return found
            query = dict(httpx.URL(page["@odata.nextLink"]).params)


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
            running = Soak(Pipeline(service, deployment, client, folder), storage, random.Random(seed))
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

    states = soak.states()
    lost = [name for name in names if states.get(name) not in ("Finished", "Canceled")]
    twice = [name for name, times in soak.said("output published").items() if times > 1]
    half, unredacted = [], []
    for name in names:
        expected = {FILE: f"REDACTED {json.dumps({'name': name})}".encode()} if states[name] == "Finished" else {}
        found = soak.pipeline.files(name)
        unredacted += [name for content in found.values() if not content.startswith(b"REDACTED ")]
        half += [name] if found != expected else []
    summary = (
        f"seed {seed}, {JOBS} jobs, {soak.kills} kills, {soak.restarts} restarts of storage, "
        f"{Counter(states.values())}, lost {len(lost)}, twice {len(twice)}, half {len(half)}, bare {len(unredacted)}"
    )
    print(summary)
    assert (lost, twice, half, unredacted) == ([], [], [], []), summary
    assert soak.kills > 0
