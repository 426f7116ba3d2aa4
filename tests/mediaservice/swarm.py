"""Many jobs at once on a pipeline with workers, whatever happens meanwhile, and the verdict on them."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from local.host import processes
from tests.mediaservice.deployment import ACCOUNT_NAME, Pipeline

WORKERS = 2
FINAL = {"Finished", "Error", "Canceled"}
FILE = "clip_redacted.mp4"


@dataclass(frozen=True)
class Verdict:
    """Names of jobs that were lost, published twice, published in part, or published without redaction."""

    states: Counter[str]
    lost: list[str]
    twice: list[str]
    half: list[str]
    unredacted: list[str]

    @property
    def good(self) -> bool:
        return not (self.lost or self.twice or self.half or self.unredacted)

    def __str__(self) -> str:
        counts = ", ".join(f"{state} {count}" for state, count in self.states.most_common())
        return (
            f"{counts}, lost {len(self.lost)}, twice {len(self.twice)}, half {len(self.half)}, "
            f"bare {len(self.unredacted)}"
        )


@dataclass
class Swarm:
    """Clients and workers. `patience` is in seconds."""

    pipeline: Pipeline
    patience: float
    workers: list[processes.Process] = field(default_factory=list)

    def call(self, method: str, path: str, query: Mapping[str, str] | None = None, **options: object) -> httpx.Response:
        """Repeat a request until the API answers. A request without an answer may have succeeded."""
        service = self.pipeline.service
        deadline = time.monotonic() + self.patience
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
        environment, own = (
            self.pipeline.deployment.environment,
            self.pipeline.deployment.storage.endpoints[ACCOUNT_NAME],
        )
        # the workers' address of storage, which may be a proxy's
        url = self.pipeline.upload({"name": name}).replace(
            own.blob.rstrip("/"), environment["STORAGE_BLOB_ENDPOINT"].rstrip("/")
        )
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

    def said(self, message: str) -> Counter[str]:
        """Return how often the workers' logs have this message for each job."""
        lines = [
            line
            for log in self.pipeline.deployment.folder.glob("worker-*.log")
            for line in log.read_text().splitlines()
        ]
        return Counter(str(json.loads(line)["job"]) for line in lines if f'"message": "{message}"' in line)

    def states(self) -> dict[str, str]:
        found: dict[str, str] = {}
        query: dict[str, str] = {}
        while True:
            page = self.call("GET", "/transforms/faceredact/jobs", query).json()
            found |= {job["name"]: job["properties"]["state"] for job in page["value"]}
            if "@odata.nextLink" not in page:
                return found
            query = dict(httpx.URL(page["@odata.nextLink"]).params)

    def verdict(self, names: list[str]) -> Verdict:
        states = self.states()
        half, unredacted = [], []
        for name in names:
            done = states.get(name) == "Finished"
            expected = {FILE: f"REDACTED {json.dumps({'name': name})}".encode()} if done else {}
            found = self.pipeline.files(name)
            unredacted += [name for content in found.values() if not content.startswith(b"REDACTED ")]
            half += [name] if found != expected else []
        return Verdict(
            states=Counter(states.values()),
            lost=[name for name in names if states.get(name) not in ("Finished", "Canceled")],
            twice=[name for name, times in self.said("output published").items() if times > 1],
            half=half,
            unredacted=unredacted,
        )
