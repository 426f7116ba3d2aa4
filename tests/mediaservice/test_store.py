"""Lists and repairs, on the store itself."""

import asyncio
import itertools
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mediaservice.model.assets import Asset
from mediaservice.model.jobs import AssetInput, Job, JobOutput, JobState
from mediaservice.model.query import ASSETS, JOBS, Query, QueryError, parse_filter, parse_order
from mediaservice.model.transforms import Priority, TransformOutput
from mediaservice.settings import read_worker
from mediaservice.store import keys
from mediaservice.store.account import Store, open_store
from mediaservice.store.errors import ChangedError, ExistsError
from mediaservice.store.expiry import KEPT, expire
from mediaservice.store.listing import PAGE_SIZE
from mediaservice.store.sweep import sweep
from mediaservice.store.work import Ticket
from tests.mediaservice.deployment import FACEREDACT, Deployment

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
Steps = Callable[[Store], Awaitable[None]]


@pytest.fixture
def in_store(deploy: Callable[[], Deployment], acting_as: Callable[[Deployment], None]) -> Callable[[Steps], None]:
    """Runs its steps on a store of their own."""
    deployment = deploy()
    acting_as(deployment)

    async def run(steps: Steps) -> None:
        async with open_store(read_worker(deployment.environment)) as store:
            await steps(store)

    return lambda steps: asyncio.run(run(steps))


def a_job(name: str, created: datetime = LONG_AGO, state: JobState = JobState.QUEUED) -> Job:
    task = TransformOutput.model_validate(FACEREDACT["outputs"][0])
    return Job(
        transform="faceredact",
        name=name,
        instance=str(uuid.uuid4()),
        created=created,
        last_modified=created,
        inputs=(AssetInput("in"),),
        outputs=(JobOutput("out", "label", task),),
        state=state,
    )


def test_a_long_list_comes_in_pages_without_gaps_or_repetitions(in_store: Callable[[Steps], None]) -> None:
    total = 2 * PAGE_SIZE + 5
    jobs = [a_job(f"job {number:03}", LONG_AGO + timedelta(seconds=number)) for number in range(total)]

    async def steps(store: Store) -> None:
        await asyncio.gather(*(store.jobs.insert(job) for job in jobs))
        names: list[str] = []
        query = Query(parse_filter("properties/state eq 'Queued'", JOBS))
        for size in (PAGE_SIZE, PAGE_SIZE, 5):
            page = await store.jobs.page("faceredact", query)
            assert len(page.values) == size
            names += [job.name for job in page.values]
            query = replace(query, after=page.after)
        assert query.after is None
        assert names == [job.name for job in reversed(jobs)]

    in_store(steps)


STATES = {
    "a": JobState.QUEUED,
    "B": JobState.FINISHED,
    "c d": JobState.QUEUED,
    "e": JobState.ERROR,
    "f": JobState.ERROR,
}


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("properties/state eq 'Queued' or properties/state eq 'Error'", None, ["f", "e", "c d", "a"]),
        ("properties/state eq 'Queued' or properties/state eq 'Error'", "properties/created", ["a", "c d", "e", "f"]),
        ("properties/state eq 'Queued' or properties/state eq 'Queued'", None, ["c d", "a"]),
        ("name eq 'E' or name eq 'b' or name eq 'none'", None, ["B", "e"]),
        ("name eq 'E' or name eq 'b'", "properties/created desc", ["e", "B"]),
        ("name eq 'c D' or properties/state eq 'Error' and name eq 'f'", None, ["c d", "f"]),
        (None, "name desc", ["f", "e", "c d", "B", "a"]),
        (None, "properties/lastModified", ["f", "e", "c d", "B", "a"]),
        ("properties/state ne 'Error'", "properties/lastModified desc", ["a", "B", "c d"]),
        ("properties/lastModified ge 2026-01-01T01:00:04Z", "name", ["a", "B"]),
    ],
)
def test_lists_are_filtered_and_ordered_page_by_page(
    in_store: Callable[[Steps], None], text: str | None, order: str | None, expected: list[str]
) -> None:
    """Each was created a second after the one before it, and last changed in the opposite order."""

    async def steps(store: Store) -> None:
        for number, (name, state) in enumerate(STATES.items()):
            job = a_job(name, LONG_AGO + timedelta(seconds=number), state)
            await store.jobs.insert(replace(job, last_modified=LONG_AGO + timedelta(hours=1, seconds=5 - number)))
        for size in (10, 2, 1):
            query = Query(parse_filter(text, JOBS), parse_order(order, JOBS), limit=size)
            names: list[str] = []
            while True:
                page = await store.jobs.page("faceredact", query)
                assert len(page.values) <= size
                names += [job.name for job in page.values]
                if page.after is None:
                    break
                query = replace(query, after=page.after)
            assert names == expected

    in_store(steps)


def test_assets_are_found_by_ranges_of_their_names(in_store: Callable[[Steps], None]) -> None:
    async def steps(store: Store) -> None:
        for number, name in enumerate(("d", "c", "b", "A")):
            created = LONG_AGO + timedelta(seconds=number)
            await store.assets.insert(Asset(name, str(uuid.uuid4()), name, created, created))

        async def names(text: str, order: str | None = None) -> list[str]:
            query = Query(parse_filter(text, ASSETS), parse_order(order, ASSETS))
            return [asset.name for asset in (await store.assets.page(query)).values]

        assert await names("name gt 'a' and name le 'c'") == ["b", "c"]
        assert await names("name ge 'b'", "name desc") == ["d", "c", "b"]
        assert await names("name lt 'd'", "properties/created") == ["c", "b", "A"]

    in_store(steps)


def test_a_continuation_of_another_query_is_refused(in_store: Callable[[Steps], None]) -> None:
    async def steps(store: Store) -> None:
        with pytest.raises(QueryError, match="skiptoken"):
            await store.jobs.page("faceredact", Query(after="n|a"))
        with pytest.raises(QueryError, match="skiptoken"):
            await store.jobs.page("faceredact", Query(order=parse_order("name desc", JOBS), after="c|1"))

    in_store(steps)


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
