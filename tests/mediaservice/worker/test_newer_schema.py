"""Rows and messages of a newer version are left alone, while everything else goes on."""

import json
from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError

import redactor
from mediaservice.store.tables.schema import SCHEMA
from tests.mediaservice.deployment import GROUP, Pipeline
from tests.mediaservice.rows import Row, change_job_rows, job_rows, remove_job_rows


def newer(row: Row) -> Row:
    """Return the row as a newer version may have written it: with a property and a column that are unknown here."""
    document = json.loads(row["Document0"])
    return row | {"Schema": SCHEMA + 1, "Later": "x", "Document0": json.dumps(document | {"later": {"kept": True}})}


def unreadable(row: Row) -> Row:
    return row | {"Schema": SCHEMA + 1, "Document0": '{"only": "a newer version reads this"}'}


@pytest.fixture(params=[newer, unreadable])
def newer_job(pipeline: Pipeline, name: str, request: pytest.FixtureRequest) -> Iterator[str]:
    pipeline.submit(name, {})
    change_job_rows(pipeline.deployment, name, request.param)
    yield name
    with pipeline.queue() as queue:
        queue.clear_messages()
    remove_job_rows(pipeline.deployment, name)  # other tests end all jobs


def test_a_worker_leaves_a_newer_versions_job_with_its_message_and_counts_no_attempt(
    pipeline: Pipeline, newer_job: str
) -> None:
    before = job_rows(pipeline.deployment, newer_job)
    with pipeline.start("--once") as worker:
        assert worker.wait(30) == 0, worker.tail()
        assert "left to a newer version" in worker.tail()
    assert job_rows(pipeline.deployment, newer_job) == before
    assert pipeline.messages() == 1
    assert pipeline.messages("POISON_QUEUE") == 0


def test_a_newer_versions_job_does_not_hold_up_others(pipeline: Pipeline, newer_job: str) -> None:
    before = job_rows(pipeline.deployment, newer_job)
    other = f"{newer_job}-other"
    container = pipeline.submit(other, {}, priority="Low")  # the newer one would go first
    with pipeline.start() as worker:
        pipeline.until(lambda: pipeline.job(other).state == "Finished", 30)
        worker.stop()
    assert list(pipeline.files(container)) == ["clip_redacted.mp4"]
    assert job_rows(pipeline.deployment, newer_job) == before
    assert pipeline.messages() >= 1


@pytest.mark.parametrize("change", ["cancel", "delete", "update"])
def test_the_api_refuses_to_change_a_newer_versions_job_for_the_time_being(
    pipeline: Pipeline, newer_job: str, change: str
) -> None:
    before = job_rows(pipeline.deployment, newer_job)
    path = f"{pipeline.service.path}/transforms/faceredact/jobs/{newer_job}"
    if change == "delete":
        change_job_rows(pipeline.deployment, newer_job, over)
        before = job_rows(pipeline.deployment, newer_job)
    method, below, body = {
        "cancel": ("POST", "/cancelJob", None),
        "delete": ("DELETE", "", None),
        "update": ("PATCH", "", {"properties": {"description": "other"}}),
    }[change]
    answer = pipeline.service.http.request(
        method,
        path + below,
        json=body,
        params={"api-version": "2022-07-01"},
        headers={"authorization": f"Bearer {pipeline.service.token()}"},
    )
    assert answer.status_code == 503
    assert "newer version" in answer.json()["error"]["message"]
    assert job_rows(pipeline.deployment, newer_job) == before


def over(row: Row) -> Row:
    return row | {"Document0": json.dumps(json.loads(row["Document0"]) | {"state": "Finished"})}


def test_the_list_shows_what_it_can_read_of_newer_versions(pipeline: Pipeline, newer_job: str) -> None:
    other = f"{newer_job}-other"
    pipeline.submit(other, {})
    listed = {str(each.name) for each in pipeline.media.jobs.list(GROUP, pipeline.service.account, "faceredact")}
    assert other in listed
    document = json.loads(job_rows(pipeline.deployment, newer_job)[0]["Document0"])
    assert (newer_job in listed) == ("later" in document)
    if newer_job in listed:
        assert pipeline.job(newer_job).state == "Queued"
    else:
        with pytest.raises(HttpResponseError, match="newer version"):
            pipeline.job(newer_job)


def test_a_newer_versions_message_stays_as_it_is(pipeline: Pipeline, name: str) -> None:
    message = json.dumps({"schema": SCHEMA + 1, "work": {"kind": "unknown here", "name": name}})
    with pipeline.queue() as queue:
        queue.send_message(message)
    with pipeline.start("--once") as worker:
        assert worker.wait(30) == 0, worker.tail()
    with pipeline.queue() as queue:
        pipeline.until(pipeline.visible)
        assert [each.content for each in queue.peek_messages()] == [message]
    assert pipeline.messages("POISON_QUEUE") == 0


def test_a_row_names_its_schema_and_its_writer(pipeline: Pipeline, name: str) -> None:
    pipeline.submit(name, {})
    pipeline.work()
    found = job_rows(pipeline.deployment, name)
    assert {row["Schema"] for row in found} == {SCHEMA}
    assert {row["Version"] for row in found} == {redactor.__version__}
