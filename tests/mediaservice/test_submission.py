"""What a submission is refused for that no client could set up within a test."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mediaservice.api.bodies import JobProperties
from mediaservice.api.problems import Problem
from mediaservice.api.submission import MAX_JOBS, submit
from mediaservice.model.assets import Asset
from mediaservice.settings import read_api
from mediaservice.store.account import open_store
from tests.mediaservice.deployment import Deployment

GIVEN = JobProperties.model_validate(
    {
        "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://lake1/raw/a.mp4"]},
        "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": "out"}],
    }
)
NOW = datetime.now(UTC)
OUT = Asset("out", str(uuid.uuid4()), "asset-out", NOW, NOW)


def test_an_account_that_is_full_takes_no_job_and_puts_no_message(
    deploy: Callable[[], Deployment], acting_as: Callable[[Deployment], None]
) -> None:
    deployment = deploy()
    acting_as(deployment)

    async def steps() -> None:
        async with open_store(read_api(deployment.environment)) as store:
            store.jobs.stored = MAX_JOBS
            with pytest.raises(Problem, match="500,000"):
                await submit(store, "faceredact", "one", GIVEN)
            assert await store.work.count() == 0

    asyncio.run(steps())


def test_a_name_that_is_taken_leaves_no_second_message(
    deploy: Callable[[], Deployment], acting_as: Callable[[Deployment], None]
) -> None:
    deployment = deploy()
    acting_as(deployment)

    async def steps() -> None:
        async with open_store(read_api(deployment.environment)) as store:
            await store.assets.insert(OUT)
            await submit(store, "faceredact", "one", GIVEN)
            for again in (GIVEN, GIVEN.model_copy(update={"outputs": ()})):
                with pytest.raises(Problem, match="exists already"):
                    await submit(store, "faceredact", "one", again)
            assert await store.work.count() == 1

    asyncio.run(steps())


def test_of_those_who_submit_a_name_at_the_same_moment_one_is_told_that_it_was_made(
    deploy: Callable[[], Deployment], acting_as: Callable[[Deployment], None]
) -> None:
    deployment = deploy()
    acting_as(deployment)

    async def steps() -> None:
        async with open_store(read_api(deployment.environment)) as store:
            await store.assets.insert(OUT)
            tries = [submit(store, "faceredact", "one", GIVEN) for _ in range(5)]
            results = await asyncio.gather(*tries, return_exceptions=True)
            assert sorted(getattr(result, "status", 201) for result in results) == [201, 409, 409, 409, 409]

    asyncio.run(steps())
