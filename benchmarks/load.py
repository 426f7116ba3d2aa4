"""Measures the media service under load over https: clients' waiting times to submit, read and list jobs.

    .venv/bin/python -m benchmarks.load [--jobs 1000] [--clients 50] [--rate 100] [--rounds 3]

It runs in three parts. First, a plain HTTP client with `clients` connections makes `rate` submissions a second,
whether or not earlier ones are answered; waiting counts from the time that a submission is due. Second,
azure-mgmt-media makes calls, `clients` at a time, each as soon as the previous one is answered. Third, the service's
memory is read after each of `rounds` further rounds with as many jobs.

Service, storage emulator (Azurite, one thread), ingress and clients share this machine's processors. So the processor
time of each is reported for every kind of call. In Azure, only the service's time is spent by the service's containers.
"""

import argparse
import asyncio
import contextlib
import math
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
from azure.core.credentials import AccessToken
from azure.mgmt.media.aio import AzureMediaServices
from azure.mgmt.media.models import Job, JobInputHttp, JobOutputAsset

from benchmarks.mediaservice_account import ACCOUNT, GROUP, SUBSCRIPTION, Address, apart, running_account

VERSION = {"api-version": "2022-07-01"}
URL = "https://lake1.blob.core.windows.net/raw/clip.mp4?sig=none"
JOBS = "/transforms/faceredact/jobs"
LIST_RATE = 0.2  # as a share of the submissions' rate
MEGABYTE = 1_000_000

Call = Callable[[int], Awaitable[None]]  # raises the client's errors


@dataclass(frozen=True)
class Client:
    submit: Call
    get: Call
    list: Call


@contextlib.asynccontextmanager
async def plain(address: Address, prefix: str, connections: int) -> AsyncIterator[Client]:
    """Make calls on that many connections. Further calls wait for a free one."""
    headers = {"authorization": f"Bearer {address.token}"}
    pool = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=pool, headers=headers) as session:

        async def call(method: str, path: str, body: object = None) -> None:
            url = address.endpoint + address.account + path
            async with session.request(method, url, params=VERSION, json=body) as answer:
                await answer.read()
                answer.raise_for_status()

        body = {
            "properties": {
                "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": [URL]},
                "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": "out"}],
            }
        }
        await call("PUT", "/assets/out", {"properties": {}})
        yield Client(
            submit=lambda n: call("PUT", f"{JOBS}/{prefix}-{n}", body),
            get=lambda n: call("GET", f"{JOBS}/{prefix}-{n}"),
            list=lambda _: call("GET", JOBS),
        )


class _Token:
    """A credential that returns the benchmark's token."""

    def __init__(self, text: str) -> None:
        self._token = AccessToken(text, int(time.time()) + 3600)

    async def get_token(self, *_: str, **__: object) -> AccessToken:
        return self._token

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "_Token":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@contextlib.asynccontextmanager
async def sdk(address: Address, prefix: str, count: int) -> AsyncIterator[Client]:
    """Make calls with `count` clients in turn, each with its own connections."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                AzureMediaServices(_Token(address.token), SUBSCRIPTION, address.endpoint, credential_scopes=["none"])
            )
            for _ in range(count)
        ]
        at = (GROUP, ACCOUNT, "faceredact")
        job = Job(input=JobInputHttp(files=[URL]), outputs=[JobOutputAsset(asset_name="out")])

        async def submit(number: int) -> None:
            await clients[number % count].jobs.create(*at, f"{prefix}-{number}", job)

        async def get(number: int) -> None:
            await clients[number % count].jobs.get(*at, f"{prefix}-{number}")

        async def list_page(number: int) -> None:
            await anext(aiter(clients[number % count].jobs.list(*at)))

        yield Client(submit, get, list_page)


class Measurement:
    """Calls with their waiting times, and the processor time of each process."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()} | {"client": psutil.Process()}
        self.errors: Counter[str] = Counter()

    async def paced(self, what: str, call: Call, total: int, rate: float) -> None:
        begun = time.perf_counter() + 0.1

        async def one(number: int) -> float:
            due = begun + number / rate
            await asyncio.sleep(due - time.perf_counter())
            return await self._timed(call, number, due)

        await self._tell(what, total, asyncio.gather(*(one(number) for number in range(total))))

    async def crowd(self, what: str, call: Call, total: int, clients: int) -> None:
        numbers = iter(range(total))
        waits: list[float] = []

        async def client() -> None:
            for number in numbers:
                waits.append(await self._timed(call, number, time.perf_counter()))

        async def all_of_them() -> list[float]:
            await asyncio.gather(*(client() for _ in range(clients)))
            return waits

        await self._tell(what, total, all_of_them())

    async def _timed(self, call: Call, number: int, since: float) -> float:
        try:
            await call(number)
        except Exception as error:
            self.errors[str(getattr(error, "status", "") or repr(error))[:100]] += 1
        return time.perf_counter() - since

    async def _tell(self, what: str, total: int, running: Awaitable[list[float]]) -> None:
        before, begun = self._busy(), time.perf_counter()
        waits = sorted(await running)
        elapsed = time.perf_counter() - begun
        p50, p99 = (1000 * waits[math.ceil(len(waits) * share) - 1] for share in (0.5, 0.99))
        spent = {name: 1000 * (busy - before[name]) / total for name, busy in self._busy().items()}
        each_process = ", ".join(f"{name} {each:.1f}" for name, each in spent.items())
        print(
            f"  {what:7}{total:6} at {total / elapsed:5.1f} a second   p50 {p50:5.0f} ms   p99 {p99:5.0f} ms   "
            f"processor ms a call: {each_process}",
            flush=True,
        )

    def _busy(self) -> dict[str, float]:
        """Return seconds of processor time."""
        return {name: sum(process.cpu_times()[:2]) for name, process in self._processes.items()}


@dataclass(frozen=True)
class Load:
    jobs: int
    clients: int
    rate: float
    rounds: int


async def measure(address: Address, load: Load) -> Counter[str]:
    """Run the calls. Return the number of failures, by error."""
    measurement = Measurement(address.processes)
    service = psutil.Process(address.processes["service"])
    async with plain(address, "warm", load.clients) as client:
        for number in range(load.clients):
            await client.submit(number)
    memory = [service.memory_info().rss]
    async with plain(address, "paced", load.clients) as client:
        print(f"By the clock, {load.rate:g} submissions a second")
        await measurement.paced("submit", client.submit, load.jobs, load.rate)
        await measurement.paced("get", client.get, load.jobs, load.rate)
        await measurement.paced("list", client.list, load.jobs // 10, load.rate * LIST_RATE)
    async with sdk(address, "sdk", load.clients) as client:
        print(f"{load.clients} azure-mgmt-media clients")
        await measurement.crowd("submit", client.submit, load.jobs, load.clients)
        await measurement.crowd("get", client.get, load.jobs, load.clients)
        await measurement.crowd("list", client.list, load.jobs // 10, load.clients)
    memory.append(service.memory_info().rss)
    for round_number in range(load.rounds):
        async with plain(address, f"round{round_number}", load.clients) as client:
            await measurement.crowd("again", client.submit, load.jobs, load.clients)
        memory.append(service.memory_info().rss)
    print("The service's memory in MB: " + ", ".join(f"{each / MEGABYTE:.0f}" for each in memory))
    return measurement.errors


def run(address: Address, load: Load) -> Counter[str]:
    return asyncio.run(measure(address, load))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=1000)
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--rate", type=float, default=100)
    options.add_argument("--rounds", type=int, default=3)
    load = Load(**vars(options.parse_args()))
    with tempfile.TemporaryDirectory() as folder, running_account(Path(folder)) as account:
        errors = apart(run, account.address, load)
    print(f"{errors.total()} errors", *errors.items())
    raise SystemExit(bool(errors))


if __name__ == "__main__":
    main()
