"""Lists, on the store itself: ordered, complete, and without reading more than is shown."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mediaservice.model.assets import Asset
from mediaservice.model.jobs import Job, JobState
from mediaservice.model.query import ASSETS, JOBS, Query, QueryError, parse_filter, parse_order
from mediaservice.store.account import Store
from mediaservice.store.tables.listing import PAGE_SIZE
from mediaservice.store.tables.table import EntityTable, Range
from tests.mediaservice.stored import LONG_AGO, Steps, a_job


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
    """Each was created a second after the previous one, and last changed in the opposite order."""

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


async def all_names(store: Store, filtered: str, ordered: str = "") -> list[str]:
    """Return the names on all pages."""
    query = Query(parse_filter(filtered, JOBS), parse_order(ordered, JOBS))
    found: list[str] = []
    while True:
        page = await store.jobs.page("faceredact", query)
        found += [job.name for job in page.values]
        if page.after is None:
            return found
        query = replace(query, after=page.after)


def test_jobs_that_are_not_in_a_state_are_listed_newest_first_whatever_theirs_is(
    in_store: Callable[[Steps], None],
) -> None:
    states = [list(JobState)[number % len(JobState)] for number in range(3 * len(JobState) + PAGE_SIZE)]
    jobs = [
        a_job(f"job {number:03}", LONG_AGO + timedelta(seconds=number), state) for number, state in enumerate(states)
    ]

    async def steps(store: Store) -> None:
        await asyncio.gather(*(store.jobs.insert(job) for job in jobs))
        expected = [job.name for job in reversed(jobs) if job.state is not JobState.FINISHED]
        assert len(expected) > PAGE_SIZE
        for order in ("", "properties/created desc"):
            assert await all_names(store, "properties/state ne 'Finished'", order) == expected
        since = LONG_AGO + timedelta(seconds=90)
        later = [job.name for job in reversed(jobs) if job.state is not JobState.QUEUED and job.created > since]
        assert await all_names(store, f"properties/state ne 'Queued' and properties/created gt {since:%FT%TZ}") == later

    in_store(steps)


@pytest.mark.parametrize(
    ("filtered", "shown"),
    [
        ("properties/state ne 'Finished'", 3),
        ("properties/state eq 'Error'", 3),
        ("properties/state eq 'Error' or properties/state eq 'Queued'", 3),
        ("properties/created gt 2026-01-01T00:03:17Z", 2),
        ("name eq 'job 100'", 1),
    ],
)
def test_what_does_not_match_is_not_read(
    in_store: Callable[[Steps], None], monkeypatch: pytest.MonkeyPatch, filtered: str, shown: int
) -> None:
    """By keys alone. Rows that Storage would scan and leave out count as read."""
    read = 0
    whole = EntityTable.read

    async def counting(self: EntityTable[Job], partition: str, within: Range, page: int) -> AsyncIterator[object]:
        nonlocal read
        assert not any(within.either)
        async for each in whole(self, partition, within, page):
            read += 1
            yield each

    jobs = [
        a_job(
            f"job {number}", LONG_AGO + timedelta(seconds=number), JobState.ERROR if number < 3 else JobState.FINISHED
        )
        for number in range(200)
    ]

    async def steps(store: Store) -> None:
        await asyncio.gather(*(store.jobs.insert(job) for job in jobs))
        monkeypatch.setattr(EntityTable, "read", counting)
        assert (len(await all_names(store, filtered)), read) == (shown, shown)

    in_store(steps)
