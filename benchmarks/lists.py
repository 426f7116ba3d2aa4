"""Measures a page of a list over https with many stored jobs, side by side with few.

    .venv/bin/python -m benchmarks.lists [--stored 100000] [--few 1000] [--repeats 10]

For each query, it prints the number of rows that the service reads from Storage, for the first page and a later one,
and the client's waiting time. 97 % of the jobs are Finished, 2 % in Error, 1 % Queued, and 1 in 1000 Processing.

The number of rows is the figure that matters: Azure's tables find a range of keys without reading others. If part of a
filter is in no key, which is reported, Storage also reads the range's rows that do not match. The storage emulator
reads all rows of a table for every query, as its share of the processor time shows.
"""

import argparse
import asyncio
import itertools
import os
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter

from benchmarks.load import JOBS, VERSION, Measurement
from benchmarks.mediaservice_account import TRANSFORM, RunningAccount, apart, running_account
from mediaservice.model import query as queried
from mediaservice.model.jobs import HttpInput, Job, JobOutput, JobState
from mediaservice.model.query import Query, parse_filter, parse_order
from mediaservice.model.transforms import parse_transform
from mediaservice.settings import read_api
from mediaservice.store.account import Store, open_store
from mediaservice.store.jobs import BY_STATE, COLUMNS
from mediaservice.store.tables import keys
from mediaservice.store.tables.listing import Page, list_page
from mediaservice.store.tables.table import EntityTable, Range

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=10)
AT_ONCE = 200  # concurrent insertions
FURTHER = 5  # the later page's number


def queries(stored: int) -> dict[str, tuple[str, str]]:
    """Return pairs of $filter and $orderby."""
    recent, middle = (FIRST + STEP * number for number in (stored - 50, stored // 2))
    return {
        "all": ("", ""),
        "oldest first": ("", "properties/created asc"),
        "by name": ("", "name"),
        "state eq Finished": ("properties/state eq 'Finished'", ""),
        "state eq Error": ("properties/state eq 'Error'", ""),
        "state ne Finished": ("properties/state ne 'Finished'", ""),
        "created gt, 50 newest": (f"properties/created gt {recent:%Y-%m-%dT%H:%M:%SZ}", ""),
        "created lt, older half": (f"properties/created lt {middle:%Y-%m-%dT%H:%M:%SZ}", ""),
        "lastModified gt, 50 newest": (f"properties/lastModified gt {recent:%Y-%m-%dT%H:%M:%SZ}", ""),
        "name eq": (f"name eq 'job-{stored // 2:07}'", ""),
    }


def jobs(numbers: range) -> list[Job]:
    task = parse_transform(TRANSFORM).outputs[0]
    return [
        Job(
            transform="faceredact",
            name=f"job-{number:07}",
            instance=str(uuid.uuid4()),
            created=FIRST + STEP * number,
            last_modified=FIRST + STEP * number,
            inputs=(HttpInput("https://lake1.blob.core.windows.net/raw/clip.mp4"),),
            outputs=(JobOutput("out", "FaceDetectorPreset_0", task),),
            state=_state(number),
        )
        for number in numbers
    ]


def _state(number: int) -> JobState:
    if number % 1000 == 1:
        return JobState.PROCESSING
    if number % 100 == 2:
        return JobState.QUEUED
    return JobState.ERROR if number % 50 == 3 else JobState.FINISHED


async def fill(store: Store, numbers: range) -> None:
    for some in itertools.batched(jobs(numbers), AT_ONCE, strict=False):
        await asyncio.gather(*(store.jobs.insert(job) for job in some))


class CountingTable(EntityTable[Job]):
    """A table that counts the rows that it reads from Storage."""

    rows = 0
    skips = False  # True if a filter is left for Storage to apply row by row

    async def read(
        self, partition: str, within: Range, page: int, *, own: bool = False, strict: bool = False
    ) -> AsyncIterator[tuple[str, Job]]:
        self.skips = bool(within.either and all(within.either))
        async for key, job in super().read(partition, within, page, own=own, strict=strict):
            self.rows += 1
            yield key, job

    async def page(self, query: Query) -> Page[Job]:
        self.rows = 0
        return await list_page(self, keys.of_name("faceredact"), query, COLUMNS, (BY_STATE,))


async def measure(account: RunningAccount, stored: int, repeats: int) -> Counter[str]:
    """Run the calls. Return the number of failures, by error."""
    address, measurement = account.address, Measurement(account.address.processes)
    headers = {"authorization": f"Bearer {address.token}"}
    client = TableClient(account.storage.table.rstrip("/"), "jobs", credential=account.key)
    async with client, aiohttp.ClientSession(headers=headers) as session:
        table = CountingTable(client, TypeAdapter(Job))
        for name, (filtered, ordered) in queries(stored).items():
            query = Query(parse_filter(filtered, queried.JOBS), parse_order(ordered, queried.JOBS))
            page = await table.page(query)
            first, further = table.rows, None
            for _ in range(FURTHER):
                if page.after:
                    page, further = await table.page(replace(query, after=page.after)), table.rows
            options = {**VERSION, **({"$filter": filtered} if filtered else {})}
            url = f"{address.endpoint}{address.account}{JOBS}?" + urlencode(
                options | ({"$orderby": ordered} if ordered else {})
            )

            async def call(_: int, url: str = url) -> None:
                async with session.get(url) as answer:
                    await answer.read()
                    answer.raise_for_status()

            print(
                f"  {name}: {first} rows"
                + (f", {further} for page {FURTHER + 1}" if further else "")
                + ("; Storage skips others" if table.skips else "")
            )
            await measurement.crowd("list", call, repeats, 1)
    return measurement.errors


async def compare(account: RunningAccount, few: int, stored: int, repeats: int) -> Counter[str]:
    os.environ.update(account.environment)  # this process opens the store too, with the service's settings
    errors: Counter[str] = Counter()
    async with open_store(read_api(account.environment)) as store:
        for begin, end in ((0, few), (few, stored)):
            await fill(store, range(begin, end))
            print(f"{end:,} jobs stored")
            errors += await measure(account, end, repeats)
    return errors


def run(account: RunningAccount, few: int, stored: int, repeats: int) -> Counter[str]:
    return asyncio.run(compare(account, few, stored, repeats))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--stored", type=int, default=100_000)
    options.add_argument("--few", type=int, default=1000)
    options.add_argument("--repeats", type=int, default=10)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_account(Path(folder)) as account:
        errors = apart(run, account, chosen.few, chosen.stored, chosen.repeats)
    print(f"{errors.total()} errors", *errors.items())
    raise SystemExit(bool(errors))


if __name__ == "__main__":
    main()
