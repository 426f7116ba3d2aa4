"""Jobs for tests of the store itself."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from mediaservice.model.jobs import AssetInput, Job, JobOutput, JobState
from mediaservice.model.transforms import TransformOutput
from mediaservice.store.account import Store
from tests.mediaservice.deployment import FACEREDACT

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
Steps = Callable[[Store], Awaitable[None]]


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
