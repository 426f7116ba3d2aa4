"""Writing and repairs, on the store itself."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mediaservice.model.jobs import JobState
from mediaservice.model.transforms import Priority
from mediaservice.store.account import Store
from mediaservice.store.errors import ChangedError, ExistsError
from mediaservice.store.expiry import KEPT, expire
from mediaservice.store.sweep import sweep
from mediaservice.store.tables import keys
from mediaservice.store.work import Ticket
from tests.mediaservice.stored import LONG_AGO, Steps, a_job


def test_two_writers_who_saw_the_same_job_do_not_both_succeed(in_store: Callable[[Steps], None]) -> None:
    async def steps(store: Store) -> None:
        stored = await store.jobs.insert(a_job("one"))
        with pytest.raises(ExistsError):
            await store.jobs.insert(a_job("ONE"))
        await store.jobs.replace(stored, replace(stored.value, description="first"))
        with pytest.raises(ChangedError):
            await store.jobs.replace(stored, replace(stored.value, description="second"))
        with pytest.raises(ChangedError):
            await store.jobs.delete(stored)
        found = await store.jobs.get("faceredact", "one")
        assert found
        assert found.value.description == "first"

    in_store(steps)


def test_a_very_large_job_is_kept_whole(in_store: Callable[[Steps], None]) -> None:
    async def steps(store: Store) -> None:
        job = replace(a_job("large"), correlation_data={"data": "x" * 70_000})
        await store.jobs.insert(job)
        found = await store.jobs.get("faceredact", "large")
        assert found
        assert found.value == job

    in_store(steps)


def test_the_next_job_is_the_oldest_of_the_highest_priority_of_all_transforms(
    in_store: Callable[[Steps], None],
) -> None:
    jobs = [
        replace(
            a_job(f"{transform}-{rank}-{age}", LONG_AGO + timedelta(seconds=age)), transform=transform, priority=rank
        )
        for age, (transform, rank) in enumerate(itertools.product(("one", "two"), Priority))
    ]

    async def steps(store: Store) -> None:
        for job in jobs:
            await store.jobs.insert(job)
        order = []
        while found := await store.jobs.next_waiting(["one", "two"]):
            order.append(found.value)
            await store.jobs.replace(found, replace(found.value, state=JobState.PROCESSING))
        assert order == sorted(jobs, key=lambda job: (["High", "Normal", "Low"].index(job.priority), job.created))

    in_store(steps)


def test_unfinished_jobs_get_a_message_when_there_are_too_few(in_store: Callable[[Steps], None]) -> None:
    async def steps(store: Store) -> None:
        await store.jobs.insert(a_job("queued"))
        await store.jobs.insert(a_job("processing", state=JobState.PROCESSING))
        await store.jobs.insert(a_job("finished", state=JobState.FINISHED))
        await store.jobs.insert(a_job("new", datetime.now(UTC)))
        assert await sweep(store) == 2
        leases = [await store.work.receive(30) for _ in range(3)]
        assert {lease.ticket.job for lease in leases if lease and lease.ticket} == {"queued", "processing"}

    in_store(steps)


def test_records_of_jobs_that_are_over_go_after_90_days(in_store: Callable[[Steps], None]) -> None:
    now = LONG_AGO + KEPT

    async def steps(store: Store) -> None:
        for state in JobState:
            for days in (-1, 1):
                await store.jobs.insert(a_job(f"{state} {days}", LONG_AGO + timedelta(days=days), state))
        assert await expire(store, now) == 3
        left = {job.name async for job in store.jobs.all("faceredact")}
        gone = {f"{state} -1" for state in (JobState.FINISHED, JobState.ERROR, JobState.CANCELED)}
        assert left == {f"{state} {days}" for state in JobState for days in (-1, 1)} - gone
        assert store.jobs.stored == len(left)

    in_store(steps)


def test_jobs_with_their_messages_are_left_alone(in_store: Callable[[Steps], None]) -> None:
    async def steps(store: Store) -> None:
        job = a_job("queued")
        await store.work.put(Ticket(job.transform, job.name, job.instance))
        await store.jobs.insert(job)
        assert await store.work.receive(30)  # a leased message counts as well
        assert await sweep(store) == 0

    in_store(steps)


def test_a_held_job_that_stopped_changing_is_watched_although_there_are_messages(
    in_store: Callable[[Steps], None],
) -> None:
    async def steps(store: Store) -> None:
        held, other = a_job("held", state=JobState.PROCESSING), a_job("over", state=JobState.FINISHED)
        for job in (held, other):
            await store.jobs.insert(job)
        await store.work.put(Ticket(other.transform, other.name, other.instance))  # a watcher that has been lost
        assert await sweep(store) == 1
        leases = [await store.work.receive(30) for _ in range(2)]
        assert {lease.ticket.job for lease in leases if lease and lease.ticket} == {"held", "over"}
        assert await sweep(store) == 0  # two messages are enough for one job

    in_store(steps)


@pytest.mark.parametrize("name", ["a", "Ü/#?\\ %", "x" * 260, "ü" * 260])
def test_a_name_becomes_a_key_that_tables_take(name: str) -> None:
    key = keys.of_name(name)
    assert len(key) <= keys.LONGEST
    assert not set(key) & set("/\\#?%|}")
    assert key == keys.of_name(name.upper() if name.isascii() else name)


def test_long_names_that_begin_alike_have_keys_of_their_own() -> None:
    assert keys.of_name("ü" * 259 + "a") != keys.of_name("ü" * 259 + "b")


def test_keys_sort_by_time() -> None:
    early, late = LONG_AGO, LONG_AGO + timedelta(microseconds=1)
    assert keys.straight(early) < keys.straight(late)
    assert keys.inverted(early) > keys.inverted(late)
