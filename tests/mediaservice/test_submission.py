"""What a submission is refused for that no client could set up within a test."""

import asyncio
from collections.abc import Callable

import pytest

from mediaservice.api.bodies import JobProperties
from mediaservice.api.problems import Problem
from mediaservice.api.submission import MAX_JOBS, submit
from mediaservice.settings import read_api
from mediaservice.store.account import open_store
from tests.mediaservice.deployment import Deployment


def test_an_account_that_is_full_takes_no_job_and_puts_no_message(
    deploy: Callable[[], Deployment], acting_as: Callable[[Deployment], None]
) -> None:
    deployment = deploy()
    acting_as(deployment)
    given = JobProperties.model_validate(
        {
            "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://lake1/raw/a.mp4"]},
            "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": "out"}],
        }
    )

    async def steps() -> None:
        async with open_store(read_api(deployment.environment)) as store:
            store.jobs.stored = MAX_JOBS
            with pytest.raises(Problem, match="500,000"):
                await submit(store, "faceredact", "one", given)
            assert await store.work.count() == 0

    asyncio.run(steps())
