"""The media service under load, over https: how long clients wait to submit, read and list jobs.

    python -m benchmarks.load [--jobs 1000] [--clients 50] [--rate 100]

Clients take turns at `rate` submissions a second in all; 0 means as fast as they can. Reads and lists follow, by the
same clients, as fast as they can. Times are from a client's request to the end of its answer.
"""

import argparse
import asyncio
import math
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from benchmarks.mediaservice_account import RunningAccount, running_account

VERSION = {"api-version": "2022-07-01"}
URL = "https://lake1.blob.core.windows.net/raw/clip.mp4?sig=none"
READS, LISTS = 500, 100
MEGABYTE = 1_000_000


class Clients:
    """`count` of them, each with a connection of its own."""

    def __init__(self, http: httpx.AsyncClient, account: RunningAccount, count: int) -> None:
        self._http = http
        self._account = account
        self._count = count
        self.errors = 0

    async def call(self, method: str, path: str, expected: int, **options: object) -> float:
        """Seconds."""
        begun = time.perf_counter()
        answer = await self._http.request(method, self._account.url + path, params=VERSION, **options)  # type: ignore[arg-type]
        self.errors += answer.status_code != expected
        return time.perf_counter() - begun

    async def each(self, total: int, rate: float, call: Callable[[int], Awaitable[float]]) -> list[float]:
        """`total` calls by all clients, each begun when its turn has come and a client is free."""
        numbers, begun = iter(range(total)), time.perf_counter()
        seconds: list[float] = []

        async def client() -> None:
            for number in numbers:
                if rate:
                    await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                seconds.append(await call(number))

        await asyncio.gather(*(client() for _ in range(self._count)))
        elapsed = time.perf_counter() - begun
        print(f"{total / elapsed:7.1f} a second", end="  ")
        return seconds


def told(what: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p50, p99 = (ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share) - 1)] * 1000 for share in (0.5, 0.99))
    print(f"{what:8} {len(seconds):6}   p50 {p50:6.0f} ms   p99 {p99:6.0f} ms")


async def measure(account: RunningAccount, jobs: int, count: int, rate: float) -> None:
    context = ssl.create_default_context(cafile=account.authority)
    headers = {"authorization": f"Bearer {account.token}"}
    limits = httpx.Limits(max_connections=count, max_keepalive_connections=count)
    async with httpx.AsyncClient(verify=context, headers=headers, limits=limits, timeout=60, trust_env=False) as http:
        clients = Clients(http, account, count)
        await clients.call("PUT", "/assets/out", 201, json={"properties": {}})
        body = {
            "properties": {
                "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": [URL]},
                "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": "out"}],
            }
        }
        path = "/transforms/faceredact/jobs"
        before = account.api.memory()
        submitted = await clients.each(jobs, rate, lambda n: clients.call("PUT", f"{path}/job-{n}", 201, json=body))
        told("submit", submitted)
        told("get", await clients.each(READS, 0, lambda n: clients.call("GET", f"{path}/job-{n % jobs}", 200)))
        told("list", await clients.each(LISTS, 0, lambda _: clients.call("GET", path, 200)))
        after = account.api.memory()
        print(
            f"errors {clients.errors}   API memory {before / MEGABYTE:.0f} MB before, {after / MEGABYTE:.0f} MB after"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=1000)
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--rate", type=float, default=100)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_account(Path(folder)) as account:
        asyncio.run(measure(account, chosen.jobs, chosen.clients, chosen.rate))


if __name__ == "__main__":
    main()
