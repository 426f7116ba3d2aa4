"""Queries of alerts and of the overview page on sample rows, by a Kusto engine on DuckDB.

Lines of the service are written by its own formatter. That Azure's parser takes the queries too is in test_queries.py.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import duckdb_kql
import pytest

from mediaservice.logs import JsonFormatter
from mediaservice.model.errors import ErrorCode, JobError
from mediaservice.model.jobs import Job, JobOutput, JobState
from mediaservice.model.transforms import TransformOutput
from mediaservice.worker.message_handling import end_fields
from stack.observability.alerts import OwnService, alert_rules
from stack.observability.workbook import charts

CPU, LIMIT, SAS_HOURS = 2.0, 10, 24
CHARTS = {chart.title: chart.query for chart in charts("faceslake", "raw", CPU)}
ALERTS = {rule.name: rule.query for rule in alert_rules(OwnService(LIMIT, SAS_HOURS))}
# Types of the columns that are used, as in Azure Monitor's table reference.
TABLES = {
    "AppRequests": {
        "TimeGenerated": "TIMESTAMP",
        "Name": "VARCHAR",
        "ResultCode": "VARCHAR",
        "DurationMs": "DOUBLE",
        "Success": "BOOLEAN",
        "AppRoleName": "VARCHAR",
    },
    "AppTraces": {"TimeGenerated": "TIMESTAMP", "Message": "VARCHAR"},
    "ContainerAppConsoleLogs": {"TimeGenerated": "TIMESTAMP", "Log": "VARCHAR"},
    "ContainerAppConsoleLogs_CL": {"TimeGenerated": "TIMESTAMP", "Log_s": "VARCHAR"},
    "StorageBlobLogs": {
        "TimeGenerated": "TIMESTAMP",
        "OperationName": "VARCHAR",
        "StatusCode": "INTEGER",
        "Uri": "VARCHAR",
        "ObjectKey": "VARCHAR",
    },
}
NOW = datetime.now(UTC).replace(tzinfo=None)
HOUR = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)  # the beginning of a bin
DAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)


@dataclass(frozen=True)
class Workspace:
    """A workspace with Azure Monitor's tables, all empty at first."""

    connection: duckdb.DuckDBPyConnection

    def add(self, table: str, /, at: datetime = NOW, **values: Any) -> None:
        row = dict.fromkeys(TABLES[table]) | {"TimeGenerated": at} | values
        marks = ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {table} VALUES ({marks})", list(row.values()))

    def log(self, message: str, at: datetime = NOW, table: str = "ContainerAppConsoleLogs", **fields: Any) -> None:
        """Add a line as the service writes it."""
        record = logging.makeLogRecord({"name": "mediaservice", "msg": message, "levelno": logging.INFO, **fields})
        values: dict[str, Any] = {[*TABLES[table]][1]: JsonFormatter().format(record)}
        self.add(table, at, **values)

    def trace(self, message: str, at: datetime = NOW, **fields: Any) -> None:
        """Add a line in the function's form."""
        self.add("AppTraces", at, Message=json.dumps({"message": message, **fields}))

    def rows(self, query: str) -> list[dict[str, Any]]:
        found = duckdb_kql.query(self.connection, query)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with duckdb_kql.connect() as connection:
        for name, columns in TABLES.items():
            declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE {name} ({declared})")
        yield Workspace(connection)


def job_over(state: JobState, seconds: float = 60, total: float = 90, name: str = "a-job") -> dict[str, Any]:
    """Return the fields of the line about a job's end."""
    task = TransformOutput.model_validate({"preset": {"@odata.type": "#Microsoft.Media.FaceDetectorPreset"}})
    error = JobError(ErrorCode.CONTENT_MALFORMED, "no video") if state is JobState.ERROR else None
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    over = begun + timedelta(seconds=total)
    job = Job("faceredact", name, "i", begun, over, (), (JobOutput("asset", "", task, error=error),), state)
    source = {"source": "https://faceslake/raw/a.mp4"}
    job = replace(job, correlation_data=source, start_time=over - timedelta(seconds=seconds), end_time=over)
    return {"transform": job.transform, "job": job.name, **end_fields(job)}


def watched(waiting: int = 0, working: int = 0, oldest: int = 0) -> dict[str, Any]:
    return {"waiting": waiting, "oldestSeconds": oldest, "working": working, "stalled": 0}


def test_uploads_are_counted_by_the_hour_once_each_and_in_the_upload_container_alone(workspace: Workspace) -> None:
    def wrote(operation: str, key: str, at: datetime = HOUR, status: int = 201) -> None:
        workspace.add("StorageBlobLogs", at, OperationName=operation, StatusCode=status, ObjectKey=key)

    wrote("PutBlob", "/faceslake/raw/a.mp4")
    wrote("PutBlockList", "/faceslake/raw/2026/b.mp4", HOUR + timedelta(minutes=59))
    wrote("FlushFile", "/faceslake/raw/c.mp4", HOUR + timedelta(hours=1))
    wrote("PutBlob", "/faceslake/raw/refused.mp4", status=409)
    wrote("PutBlock", "/faceslake/raw/a.mp4")
    wrote("DeleteBlob", "/faceslake/raw/a.mp4", status=202)
    wrote("PutBlob", "/facesmedia/asset-1/a_redacted.mp4")
    wrote("PutBlob", "/faceslake/raw2/a.mp4")
    found = {row["TimeGenerated"]: row["uploads"] for row in workspace.rows(CHARTS["Uploads an hour"])}
    assert found == {HOUR: 2, HOUR + timedelta(hours=1): 1}


def test_uploads_that_are_passed_over_are_shown_with_their_reason_the_newest_first(workspace: Workspace) -> None:
    workspace.trace("passed over", HOUR, subject="/old", reason="ending")
    workspace.trace("passed over", NOW, subject="/new", reason="ending")
    workspace.trace("submitted", subject="/other")
    workspace.add("AppTraces", Message="a host's line that is no JSON")
    found = workspace.rows(CHARTS["Uploads passed over"])
    assert [(row["subject"], row["reason"]) for row in found] == [("/new", "ending"), ("/old", "ending")]


def test_jobs_are_counted_by_state_and_hour(workspace: Workspace) -> None:
    for state in (JobState.FINISHED, JobState.FINISHED, JobState.ERROR):
        workspace.log("job over", HOUR, **job_over(state))
    workspace.log("job taken", HOUR, job="a-job", attempt=1)
    found = {(row["state"], row["TimeGenerated"]): row["jobs"] for row in workspace.rows(CHARTS["Jobs by state"])}
    assert found == {("Finished", HOUR): 2, ("Error", HOUR): 1}


@pytest.mark.parametrize("table", ["ContainerAppConsoleLogs", "ContainerAppConsoleLogs_CL"])
def test_a_failed_job_is_shown_with_its_reason_and_its_upload_from_either_table(
    workspace: Workspace, table: str
) -> None:
    workspace.log("job over", table=table, **job_over(JobState.FINISHED, name="good"))
    workspace.log("job over", table=table, **job_over(JobState.ERROR, name="bad"))
    workspace.add(table, NOW, **{[*TABLES[table]][1]: "a line of Python's that is no JSON"})
    (failed,) = workspace.rows(CHARTS["Failed jobs"])
    del failed["TimeGenerated"]
    assert failed == {
        "job": "bad",
        "code": "ContentMalformed",
        "reason": "no video",
        "upload": "https://faceslake/raw/a.mp4",
    }


def test_waiting_jobs_are_the_most_of_each_five_minutes(workspace: Workspace) -> None:
    workspace.log("queue watched", HOUR, **watched(3, oldest=10))
    workspace.log("queue watched", HOUR + timedelta(minutes=4), **watched(7, oldest=250))
    workspace.log("queue watched", HOUR + timedelta(minutes=5), **watched(1, oldest=5))
    found = workspace.rows(CHARTS["Waiting jobs, and the oldest one's seconds"])
    shown = {row["TimeGenerated"]: (row["waiting"], row["oldestSeconds"]) for row in found}
    assert shown == {HOUR: (7, 250), HOUR + timedelta(minutes=5): (1, 5)}


def test_the_time_to_a_result_is_that_of_finished_jobs_from_their_submission(workspace: Workspace) -> None:
    for total in (10, 20, 30):
        workspace.log("job over", HOUR, **job_over(JobState.FINISHED, seconds=1, total=total))
    workspace.log("job over", HOUR, **job_over(JobState.ERROR, total=9999))
    (found,) = workspace.rows(CHARTS["Seconds from an upload to its result"])
    assert (found["TimeGenerated"], found["median"]) == (HOUR, 20)
    assert 20 < found["of95Percent"] <= 30


def test_speed_is_all_frames_by_all_seconds(workspace: Workspace) -> None:
    workspace.log("output published", HOUR, frames=100, redactSeconds=10.0)
    workspace.log("output published", HOUR, frames=500, redactSeconds=10.0)
    (found,) = workspace.rows(CHARTS["Frames redacted per second"])
    assert found["framesPerSecond"] == pytest.approx(30)


def test_costs_are_the_workers_seconds_at_the_prices_entered(workspace: Workspace) -> None:
    for seconds in (100, 200):
        workspace.log("job over", DAY + timedelta(hours=seconds / 100), **job_over(JobState.FINISHED, seconds))
    query = CHARTS["Daily use and costs of redaction, at the prices entered above"]
    (found,) = workspace.rows(query.replace("{VCpuSecondPrice}", "0.01").replace("{GibSecondPrice}", "0.001"))
    assert (found["TimeGenerated"], found["vCpuSeconds"], found["gibSeconds"]) == (DAY, 600, 1200)
    assert found["cost"] == pytest.approx(600 * 0.01 + 1200 * 0.001)


def test_requests_of_the_api_and_failures_of_the_function_are_kept_apart(workspace: Workspace) -> None:
    for role, milliseconds, success in (
        ("mediaservice.api", 10.0, True),
        ("mediaservice.api", 30.0, False),
        ("mediaservice.worker", 9e6, False),
        ("faces-function", 500.0, True),
        ("faces-function", 600.0, False),
    ):
        workspace.add("AppRequests", AppRoleName=role, DurationMs=milliseconds, Success=success, Name=role)
    (requests,) = workspace.rows(CHARTS["Milliseconds of the media service's requests"])
    assert 10 <= requests["percentile_DurationMs_50"] <= requests["percentile_DurationMs_99"] <= 30
    for query in (CHARTS["Failures of the trigger"], ALERTS["trigger-failures"]):
        assert [row["DurationMs"] for row in workspace.rows(query)] == [600]


def test_an_alert_is_raised_for_a_dead_letter_that_was_written(workspace: Workspace) -> None:
    letters = "https://facesmedia.blob.core.windows.net/dead-letters/x.json"
    for operation, status, uri in (
        ("PutBlob", 403, letters),
        ("GetBlob", 200, letters),
        ("PutBlob", 201, "https://facesmedia.blob.core.windows.net/asset-1/a.mp4"),
    ):
        workspace.add("StorageBlobLogs", OperationName=operation, StatusCode=status, Uri=uri)
    assert workspace.rows(ALERTS["dead-letters"]) == []
    workspace.add("StorageBlobLogs", OperationName="PutBlob", StatusCode=201, Uri=letters)
    assert len(workspace.rows(ALERTS["dead-letters"])) == 1


def test_an_alert_is_raised_for_each_refused_upload_and_failed_job_alone(workspace: Workspace) -> None:
    workspace.trace("retry", reason="throttled")
    workspace.log("job over", **job_over(JobState.FINISHED))
    workspace.log("job over", **job_over(JobState.CANCELED))
    assert workspace.rows(ALERTS["refused-uploads"]) == workspace.rows(ALERTS["failed-jobs"]) == []
    workspace.trace("refused", reason="a dot segment")
    workspace.log("job over", **job_over(JobState.ERROR))
    assert len(workspace.rows(ALERTS["refused-uploads"])) == len(workspace.rows(ALERTS["failed-jobs"])) == 1


@pytest.mark.parametrize(
    ("looks", "stuck"),
    [
        ([watched(5), watched(5)], True),
        ([watched(5)], False),  # one look says nothing about half an hour
        ([watched(500, working=10), watched(500, working=10)], False),
        ([watched(5), watched(5, working=1)], False),
        ([watched(0), watched(5)], False),  # it has just come
        ([watched(0), watched(0)], False),
    ],
)
def test_a_stuck_queue_is_one_without_progress(
    workspace: Workspace, looks: list[dict[str, Any]], *, stuck: bool
) -> None:
    for number, look in enumerate(looks):
        workspace.log("queue watched", NOW - timedelta(minutes=5 * number), **look)
    assert bool(workspace.rows(ALERTS["stuck-queue"])) is stuck


@pytest.mark.parametrize(("waiting", "raised"), [(LIMIT * 24 + 1, True), (LIMIT * 24, False)])
def test_a_long_backlog_keeps_all_workers_busy_for_more_than_a_day(
    workspace: Workspace, waiting: int, *, raised: bool
) -> None:
    for seconds in (1800, 5400):  # an hour each on average
        workspace.log("job over", NOW - timedelta(hours=20), **job_over(JobState.FINISHED, seconds))
    workspace.log("queue watched", NOW - timedelta(hours=2), **watched(10**6))  # over by now
    workspace.log("queue watched", NOW - timedelta(minutes=3), **watched(waiting))
    assert bool(workspace.rows(ALERTS["long-backlog"])) is raised


def test_links_about_to_end_are_those_that_have_waited_for_three_quarters_of_their_time(workspace: Workspace) -> None:
    workspace.log("queue watched", **watched(1, oldest=SAS_HOURS * 3600 * 3 // 4))
    assert workspace.rows(ALERTS["links-about-to-end"]) == []
    workspace.log("queue watched", **watched(1, oldest=SAS_HOURS * 3600 * 3 // 4 + 1))
    assert len(workspace.rows(ALERTS["links-about-to-end"])) == 1


def test_the_api_is_up_as_long_as_it_watches_its_queue(workspace: Workspace) -> None:
    workspace.log("job over", **job_over(JobState.FINISHED))
    assert workspace.rows(ALERTS["api-down"]) == []  # the alert is raised by silence
    workspace.log("queue watched", **watched())
    assert len(workspace.rows(ALERTS["api-down"])) == 1


def test_every_query_is_run_on_rows() -> None:
    """A new chart or alert needs a test here."""
    assert set(CHARTS) == {
        "Uploads an hour",
        "Uploads passed over",
        "Jobs by state",
        "Failed jobs",
        "Waiting jobs, and the oldest one's seconds",
        "Seconds from an upload to its result",
        "Frames redacted per second",
        "Daily use and costs of redaction, at the prices entered above",
        "Milliseconds of the media service's requests",
        "Failures of the trigger",
    }
    assert set(ALERTS) == {
        "dead-letters",
        "trigger-failures",
        "refused-uploads",
        "failed-jobs",
        "stuck-queue",
        "api-down",
        "long-backlog",
        "links-about-to-end",
    }
