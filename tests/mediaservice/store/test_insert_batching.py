"""Batched insertions and shared reads."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mediaservice.store.account import Store
from mediaservice.store.errors import ExistsError
from mediaservice.store.tables.shared_read import SharedRead
from tests.mediaservice.stored import Steps, a_job


def test_a_name_that_is_taken_refuses_its_own_insertion_alone(in_store: Callable[[Steps], None]) -> None:
    async def steps(store: Store) -> None:
        taken = await store.jobs.insert(a_job("job 7"))
        jobs = [a_job(f"job {number}") for number in range(40)]
        results = await asyncio.gather(*(store.jobs.insert(job) for job in jobs), return_exceptions=True)
        refused = [job.name for job, result in zip(jobs, results, strict=True) if isinstance(result, ExistsError)]
        assert refused == ["job 7"]
        for job in jobs:
            stored = await store.jobs.get("faceredact", job.name)
            assert stored
            assert stored.value.instance == (taken.value if job.name in refused else job).instance
        assert len([job async for job in store.jobs.all("faceredact")]) == len(jobs)

    in_store(steps)


def test_what_is_inserted_together_can_be_changed_by_the_tags_that_were_given(
    in_store: Callable[[Steps], None],
) -> None:
    async def steps(store: Store) -> None:
        together = await asyncio.gather(*(store.jobs.insert(a_job(f"job {number}")) for number in range(40)))
        for stored in together:
            await store.jobs.replace(stored, replace(stored.value, description="changed"))

    in_store(steps)


def test_jobs_too_large_for_one_transaction_are_kept_all_the_same(in_store: Callable[[Steps], None]) -> None:
    async def steps(store: Store) -> None:
        jobs = [replace(a_job(f"job {number}"), correlation_data={"data": "x" * 70_000}) for number in range(12)]
        await asyncio.gather(*(store.jobs.insert(job) for job in jobs))
        for job in jobs:
            stored = await store.jobs.get("faceredact", job.name)
            assert stored
            assert stored.value == job

    in_store(steps)


def test_a_shared_read_shows_what_was_written_before_it_was_asked_for() -> None:
    async def steps() -> None:
        value, read, begun, go_on = "old", 0, asyncio.Event(), asyncio.Event()

        async def slowly(_: str) -> str:
            nonlocal read
            read += 1
            seen = value
            begun.set()
            await go_on.wait()
            return seen

        shared = SharedRead(slowly)
        early = asyncio.create_task(shared.get("key"))
        await begun.wait()
        value = "new"
        late = [asyncio.create_task(shared.get("key")) for _ in range(5)]
        go_on.set()
        assert await early == "old"
        assert await asyncio.gather(*late) == ["new"] * 5
        assert read == 2
        assert await shared.get("key") == "new"

    asyncio.run(steps())


def test_a_shared_read_that_fails_fails_for_all_callers_and_is_retried() -> None:
    async def steps() -> None:
        failures = [OSError(), None]

        async def read(_: str) -> str:
            if failure := failures.pop(0):
                raise failure
            return "value"

        shared = SharedRead(read)
        results = await asyncio.gather(*(shared.get("key") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [OSError] * 3
        assert await shared.get("key") == "value"

    asyncio.run(steps())
