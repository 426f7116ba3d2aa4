"""Refusals of submissions in situations that no client could create within a test."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mediaservice.api.contract.bodies import JobProperties
from mediaservice.api.contract.problems import Problem
from mediaservice.api.routes.submission import MAX_JOBS, submit
from mediaservice.model.assets import Asset
from mediaservice.model.authorship import Author, AuthorKind
from mediaservice.settings import Account
from mediaservice.store.account import Store
from tests.mediaservice.stored import Steps

GIVEN = JobProperties.model_validate(
    {
        "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://lake1/raw/a.mp4"]},
        "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": "out"}],
    }
)
NOW = datetime.now(UTC)
ACCOUNT = Account("s", "g", "media", "westeurope", "/storage", frozenset())
CALLER = Author("somebody@example.com", AuthorKind.USER)
OUT = Asset("out", str(uuid.uuid4()), "asset-out", NOW, NOW)


def test_an_account_that_is_full_takes_no_job_and_puts_no_message(
    in_store: Callable[[Steps], None],
) -> None:
    async def steps(store: Store) -> None:
        store.jobs.stored = MAX_JOBS
        with pytest.raises(Problem, match="500,000"):
            await submit(store, ACCOUNT, "faceredact", "one", GIVEN, CALLER)
        assert await store.work.count() == 0

    in_store(steps)


def test_a_name_that_is_taken_leaves_no_second_message(
    in_store: Callable[[Steps], None],
) -> None:
    async def steps(store: Store) -> None:
        await store.assets.insert(OUT)
        await submit(store, ACCOUNT, "faceredact", "one", GIVEN, CALLER)
        for again in (GIVEN, GIVEN.model_copy(update={"outputs": ()})):
            with pytest.raises(Problem, match="exists already"):
                await submit(store, ACCOUNT, "faceredact", "one", again, CALLER)
        assert await store.work.count() == 1

    in_store(steps)


def test_of_simultaneous_submissions_of_a_name_one_creates_the_job(
    in_store: Callable[[Steps], None],
) -> None:
    async def steps(store: Store) -> None:
        await store.assets.insert(OUT)
        tries = [submit(store, ACCOUNT, "faceredact", "one", GIVEN, CALLER) for _ in range(5)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(getattr(result, "status", 201) for result in results) == [201, 409, 409, 409, 409]

    in_store(steps)
