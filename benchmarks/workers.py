"""Measures how much faster two workers do the same jobs than one, side by side.

    .venv/bin/python -m benchmarks.workers [--jobs 24] [--rounds 2] [--clip FILE]

The default clip is small, 64x48 and ten frames, so that one job keeps at most one processor busy. The result shows the
work around the engine, and whether workers wait for each other. A round is all jobs by one worker, then as many by two.
Time counts from the start of the first job to the end of the last, without the workers' own start.
"""

import argparse
import io
import resource
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import httpx
import numpy as np
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas

from benchmarks.load import JOBS, VERSION
from benchmarks.mediaservice_account import STORAGE, RunningAccount, running_account

PATIENCE = 240  # seconds allowed for a worker's jobs
CONTAINER, FILE = "inputs", "clip.mp4"


def small_clip() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in range(10):
            picture = np.full((48, 64, 3), 20 * shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def upload(account: RunningAccount, clip: bytes) -> str:
    """Upload the clip. Return its URL with a read-only SAS."""
    with BlobServiceClient(account.storage.blob.rstrip("/"), credential=account.key) as blobs:
        blobs.create_container(CONTAINER)
        blob = blobs.get_blob_client(CONTAINER, FILE)
        blob.upload_blob(clip)
        sas = generate_blob_sas(
            STORAGE,
            CONTAINER,
            FILE,
            account_key=account.key.named_key.key,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
            protocol="https",
        )
        return f"{blob.url}?{sas}"


@contextmanager
def client_of(account: RunningAccount) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=account.address.endpoint + account.address.account,
        headers={"authorization": f"Bearer {account.address.token}"},
        params=VERSION,
        verify=ssl.create_default_context(),
        timeout=60,
    ) as client:
        yield client


@dataclass(frozen=True)
class Spent:
    wall: float  # seconds from the start of the first job to the end of the last
    busy: float  # seconds of processor time that the workers and their engines used

    def summary(self, jobs: int) -> str:
        return f"{self.wall:.1f} s, {jobs / self.wall:.2f} a second, {self.busy / self.wall:.2f} processors busy"


def do(account: RunningAccount, client: httpx.Client, url: str, jobs: int, workers: int, label: str) -> Spent:
    names = [f"{label}-{number}" for number in range(jobs)]
    for name in names:
        client.put(f"/assets/{name}", json={}).raise_for_status()
        job = {
            "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": [url]},
            "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name}],
        }
        client.put(f"{JOBS}/{name}", json={"properties": job}).raise_for_status()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with ExitStack() as stack:
        started = [
            stack.enter_context(account.start("worker", f"worker-{label}-{number}")) for number in range(workers)
        ]
        for worker in started:
            worker.wait(PATIENCE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = [client.get(f"{JOBS}/{name}").json()["properties"] for name in names]
    if bad := [job for job in done if job["state"] != "Finished"]:
        raise SystemExit(f"{len(bad)} jobs did not finish: {bad[0]}")
    begin = min(datetime.fromisoformat(job["startTime"]) for job in done)
    end = max(datetime.fromisoformat(job["endTime"]) for job in done)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent((end - begin).total_seconds(), busy)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=24)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--clip", type=Path)
    chosen = options.parse_args()
    clip = chosen.clip.read_bytes() if chosen.clip else small_clip()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_account(Path(folder)) as account,
        client_of(account) as client,
    ):
        url = upload(account, clip)
        for number in range(chosen.rounds):
            one, two = (
                do(account, client, url, chosen.jobs, workers, f"round{number}-{workers}") for workers in (1, 2)
            )
            print(f"{chosen.jobs} jobs: one worker {one.summary(chosen.jobs)}; two {two.summary(chosen.jobs)}")
            print(f"  {one.wall / two.wall:.2f} times as fast", flush=True)


if __name__ == "__main__":
    main()
