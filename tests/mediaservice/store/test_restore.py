"""State restored from a backup, while the rest of the account is newer or older: jobs still end once, with a result."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.core.exceptions import ResourceNotFoundError

from local.host.ports import free_port
from local.services.entra import Entra
from mediaservice.settings import read_worker
from mediaservice.store.account import open_store
from mediaservice.store.sweep import sweep
from tests.mediaservice.deployment import Deployment, Pipeline, serving
from tests.mediaservice.rows import TABLES, restore, rows
from tests.mediaservice.worker.test_jobs_end_to_end import engines

RESULT = ["clip_redacted.mp4"]


@pytest.fixture
def swept(pipeline: Pipeline, acting_as: Callable[[Deployment], None]) -> Callable[[], int]:
    """Runs the sweep, as API and workers do, without its grace of two minutes. Returns the number of messages put."""

    async def run() -> int:
        async with open_store(read_worker(pipeline.deployment.environment)) as store:
            return await sweep(store, timedelta())

    acting_as(pipeline.deployment)
    return lambda: asyncio.run(run())


def test_jobs_of_restored_tables_are_done_again_although_their_messages_are_gone(
    pipeline: Pipeline, swept: Callable[[], int], name: str
) -> None:
    log = pipeline.folder / "log"
    names = [f"{name}-{number}" for number in range(3)]
    containers = {each: pipeline.submit(each, {"log": str(log)}) for each in names}
    kept = rows(pipeline.deployment)
    pipeline.work()  # what the backup does not know of
    assert pipeline.messages() == 0
    restore(pipeline.deployment, kept)
    assert {pipeline.job(each).state for each in names} == {"Queued"}
    assert swept() == len(names)
    pipeline.work()
    assert {pipeline.job(each).state for each in names} == {"Finished"}
    assert {each: list(pipeline.files(container)) for each, container in containers.items()} == dict.fromkeys(
        names, RESULT
    )
    assert len(engines(log, "done")) == 2 * len(names)
    assert (pipeline.messages(), swept()) == (0, 0)


def test_a_job_that_was_held_when_the_tables_were_kept_is_taken_up_again(
    pipeline: Pipeline, swept: Callable[[], int], name: str
) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    container = pipeline.submit(name, {"log": str(log), "wait_for": str(go)})
    with pipeline.start() as worker:
        pipeline.until(lambda: engines(log, "begun"))
        kept = rows(pipeline.deployment)
        go.touch()
        assert worker.wait(30) == 0
    restore(pipeline.deployment, kept)
    assert pipeline.job(name).state == "Processing"
    assert swept() == 1
    while pipeline.job(name).state != "Finished":  # each time until the queue shows no message
        pipeline.work()
    assert list(pipeline.files(container)) == RESULT


def test_a_message_whose_job_the_restored_tables_do_not_know_is_dropped_and_the_job_can_be_submitted_again(
    pipeline: Pipeline, name: str
) -> None:
    kept = rows(pipeline.deployment)
    pipeline.submit(name, {})
    restore(pipeline.deployment, kept)
    with pytest.raises(ResourceNotFoundError):
        pipeline.job(name)
    while pipeline.messages():  # each time until the queue shows none
        pipeline.work()
    assert pipeline.messages("POISON_QUEUE") == 0
    container = pipeline.submit(name, {})
    pipeline.work()
    assert pipeline.job(name).state == "Finished"
    assert list(pipeline.files(container)) == RESULT


def test_messages_that_come_back_for_jobs_that_are_over_change_nothing(pipeline: Pipeline, name: str) -> None:
    """The queue is older than the tables."""
    log = pipeline.folder / "log"
    container = pipeline.submit(name, {"log": str(log)})
    with pipeline.queue() as queue:
        kept = [str(each.content) for each in queue.peek_messages()]
    pipeline.work()
    before, files = rows(pipeline.deployment), pipeline.files(container)
    with pipeline.queue() as queue:
        for message in kept * 2:
            queue.send_message(message)
    pipeline.work()
    assert len(engines(log, "done")) == 1
    assert (rows(pipeline.deployment), pipeline.files(container)) == (before, files)
    assert pipeline.messages() == 0


def test_jobs_whose_queue_was_emptied_are_done_after_a_sweep(
    pipeline: Pipeline, swept: Callable[[], int], name: str
) -> None:
    """The tables are newer than the queue."""
    containers = [pipeline.submit(f"{name}-{number}", {}) for number in range(3)]
    with pipeline.queue() as queue:
        queue.clear_messages()
    assert swept() == len(containers)
    pipeline.work()
    assert [list(pipeline.files(container)) for container in containers] == [RESULT] * 3


def test_a_result_that_is_there_when_its_job_is_done_again_is_replaced_as_a_whole(
    pipeline: Pipeline, swept: Callable[[], int], name: str
) -> None:
    """The blobs are newer than the tables, and there was another attempt in between."""
    container = pipeline.submit(name, {})
    kept = rows(pipeline.deployment)
    pipeline.work()
    finished = pipeline.files(container)
    restore(pipeline.deployment, kept)
    assert swept() == 1
    pipeline.work()
    assert pipeline.job(name).state == "Finished"
    assert pipeline.files(container) == finished


def test_an_account_that_has_lost_all_its_tables_rows_works_again_after_a_restart(
    pipeline: Pipeline, entra: Entra, name: str
) -> None:
    """Results stay, without records; what is submitted again is done again."""
    container = pipeline.submit(name, {})
    pipeline.work()
    kept = rows(pipeline.deployment)
    restore(pipeline.deployment, {table: [] for table in TABLES})
    with (
        serving(pipeline.deployment.with_environment(PORT=str(free_port())), entra) as restarted,
        restarted.client() as client,
    ):
        again = replace(pipeline, service=restarted, media=client)
        other = again.submit(name, {})
        again.work()
        assert again.job(name).state == "Finished"
        assert [list(again.files(each)) for each in (container, other)] == [RESULT, RESULT]
    restore(pipeline.deployment, kept)  # for the tests after this one
