"""Crashes and stalls around the publication of an output, with a worker's steps taken one by one."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from mediaservice.model import states
from mediaservice.model.jobs import Job
from mediaservice.settings import read_worker
from mediaservice.store.account import Store, open_store
from mediaservice.store.errors import LeaseLostError, OverwrittenError
from mediaservice.store.work import Lease
from mediaservice.worker.held_job import CancelRequestedError, HeldJob
from mediaservice.worker.outputs import INSTANCE, Outputs, Staged
from tests.mediaservice.deployment import Deployment, Pipeline

FILE = "clip_redacted.mp4"


@dataclass(frozen=True)
class Attempt:
    """A worker that has staged its output."""

    pipeline: Pipeline
    store: Store
    lease: Lease
    outputs: Outputs
    held_job: HeldJob
    staged: Staged

    async def commit(self) -> None:
        place = self.staged.place
        metadata = {INSTANCE: self.held_job.job.instance}
        await self.store.containers.commit(place.container, place.name, self.staged.blocks, metadata, place.former)

    async def is_overtaken(self) -> None:
        """Let its lease end, so that another worker takes the job."""
        await self.store.work.renew(self.lease, 0)
        await asyncio.to_thread(self.pipeline.work)


Steps = Callable[[Attempt], Awaitable[None]]


@pytest.fixture
def attempt(pipeline: Pipeline, name: str, acting_as: Callable[[Deployment], None]) -> Callable[[Steps], None]:
    """Take the job `name` by its message, stage `output of the first`, then run the given step."""
    settings = read_worker(pipeline.deployment.environment)
    acting_as(pipeline.deployment)
    file = pipeline.folder / "first"
    file.write_bytes(b"output of the first")

    async def run(steps: Steps) -> None:
        async with open_store(settings) as store:
            lease = await store.work.receive(settings.work.lease_seconds)
            stored = await store.jobs.get("faceredact", name)
            assert lease
            assert stored
            holder = str(uuid.uuid4())
            taken = states.take(stored.value, holder=holder, message=lease.message, now=datetime.now(UTC))
            held_job = HeldJob(store.jobs, await store.jobs.replace(stored, taken), holder)
            await held_job.write(lambda job, now: states.begin_output(job, 0, now))
            outputs = Outputs(store.containers, store.assets)
            with file.open("rb") as stream:
                staged = await outputs.stage(await outputs.place(held_job.job, 0, FILE), stream)
            await steps(Attempt(pipeline, store, lease, outputs, held_job, staged))

    return lambda steps: asyncio.run(run(steps))


def begin_publishing(job: Job, now: datetime) -> Job:
    return states.begin_publishing(job, [FILE], now)


async def publish(first: Attempt) -> None:
    await first.outputs.publish(first.held_job, 0, [first.staged])


def test_an_output_committed_by_a_worker_that_died_before_it_could_say_so_is_adopted(
    pipeline: Pipeline, name: str, attempt: Callable[[Steps], None]
) -> None:
    log = pipeline.folder / "log"
    container = pipeline.submit(name, {"log": str(log)})

    async def steps(first: Attempt) -> None:
        await first.held_job.write(begin_publishing)
        await first.commit()
        await first.is_overtaken()

    attempt(steps)
    assert pipeline.job(name).state == "Finished"
    assert not log.exists()  # no step was repeated
    assert pipeline.files(container) == {FILE: b"output of the first"}


def test_blocks_of_a_worker_that_died_before_its_commit_are_never_seen(
    pipeline: Pipeline, name: str, attempt: Callable[[Steps], None]
) -> None:
    container = pipeline.submit(name, {})

    async def steps(first: Attempt) -> None:
        await first.held_job.write(begin_publishing)
        assert pipeline.files(container) == {}
        await first.is_overtaken()

    attempt(steps)
    assert pipeline.files(container) == {FILE: b"REDACTED {}"}


def test_a_worker_that_lost_its_job_cannot_publish(
    pipeline: Pipeline, name: str, attempt: Callable[[Steps], None]
) -> None:
    container = pipeline.submit(name, {})

    async def steps(first: Attempt) -> None:
        await first.is_overtaken()
        with pytest.raises(LeaseLostError):
            await publish(first)

    attempt(steps)
    assert pipeline.files(container) == {FILE: b"REDACTED {}"}


def test_a_worker_that_stalled_just_before_its_commit_cannot_overwrite_the_next_ones_output(
    pipeline: Pipeline, name: str, attempt: Callable[[Steps], None]
) -> None:
    container = pipeline.submit(name, {})

    async def steps(first: Attempt) -> None:
        await first.held_job.write(begin_publishing)
        await first.is_overtaken()
        with pytest.raises(OverwrittenError):
            await first.commit()

    attempt(steps)
    assert pipeline.files(container) == {FILE: b"REDACTED {}"}


def test_a_worker_that_stalled_just_before_its_commit_cannot_publish_for_a_job_that_failed(
    pipeline: Pipeline, name: str, attempt: Callable[[Steps], None]
) -> None:
    container = pipeline.submit(name, {"fail": {"code": "ContentMalformed", "message": "no"}})

    async def steps(first: Attempt) -> None:
        await first.held_job.write(begin_publishing)
        await first.is_overtaken()
        with pytest.raises(OverwrittenError):
            await first.commit()

    attempt(steps)
    assert (pipeline.job(name).state, pipeline.files(container)) == ("Error", {})


@pytest.mark.parametrize("committed", [True, False])
def test_nothing_stays_published_of_a_job_that_was_canceled_while_its_worker_published(
    pipeline: Pipeline, name: str, attempt: Callable[[Steps], None], committed: bool
) -> None:
    container = pipeline.submit(name, {})

    async def steps(first: Attempt) -> None:
        await first.held_job.write(begin_publishing)
        if committed:
            await first.commit()
        await asyncio.to_thread(pipeline.cancel, name)
        with pytest.raises(CancelRequestedError):
            await first.held_job.write(lambda job, now: states.finish_output(job, 0, now))
        await first.is_overtaken()
        if not committed:
            with pytest.raises(OverwrittenError):
                await first.commit()

    attempt(steps)
    assert (pipeline.job(name).state, pipeline.files(container)) == ("Canceled", {})


def test_a_file_that_was_there_before_is_replaced_and_one_that_appears_meanwhile_is_not(
    pipeline: Pipeline, name: str
) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    content = {"log": str(log), "wait_for": str(go)}
    container = pipeline.submit(name, content)
    with pipeline.deployment.blobs as blobs:
        blob = blobs.get_blob_client(container, FILE)
        blob.upload_blob(b"before")
        with pipeline.start() as worker:
            pipeline.until(log.exists)
            blob.upload_blob(b"meanwhile", overwrite=True)
            go.touch()
            assert worker.wait(15) == 0
    assert (pipeline.job(name).state, pipeline.job(name).outputs[0].error.code) == ("Error", "UploadNotAccessible")
    assert pipeline.files(container) == {FILE: b"meanwhile"}
