"""Queries of alerts and of the overview page: Microsoft's Kusto parser accepts them, and their fields are logged."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.graph.program import Graph
from mediaservice.model.errors import ErrorCode, JobError
from mediaservice.model.jobs import Job, JobOutput, JobState
from mediaservice.model.transforms import TransformOutput
from mediaservice.worker.job_metrics import JobMetrics
from mediaservice.worker.message_handling import end_fields
from stack.observability.alerts import OwnService, alert_rules
from stack.observability.workbook import charts
from tests.javascript import NODE, installed
from tests.stack.conftest import PROGRAM

CHECKER = Path(__file__).with_name("kusto")
SERVICE = OwnService(worker_limit=10, sas_hours=24)
# Columns that Azure Monitor's tables have (learn.microsoft.com, "Azure Monitor Logs table reference"), as far as used.
TABLES = {
    "AppRequests": "(TimeGenerated:datetime, Name:string, ResultCode:string, DurationMs:real, Success:bool,"
    " AppRoleName:string)",
    "AppTraces": "(TimeGenerated:datetime, Message:string)",
    "ContainerAppConsoleLogs": "(TimeGenerated:datetime, Log:string)",
    "ContainerAppConsoleLogs_CL": "(TimeGenerated:datetime, Log_s:string)",
    "StorageBlobLogs": "(TimeGenerated:datetime, OperationName:string, StatusCode:int, Uri:string, ObjectKey:string)",
}


def queries() -> dict[str, str]:
    shown = {chart.title: chart.query for chart in charts("faceslake", "raw", 2)}
    # the workbook's values for its parameters
    shown = {name: re.sub(r"\{\w+\}", "0", query) for name, query in shown.items()}
    return shown | {rule.name: rule.query for rule in alert_rules(SERVICE)}


@pytest.fixture(scope="module")
def checker() -> Path:
    """The parser, installed once for its lock in the checkout's cache."""
    return installed(CHECKER)


def faults(checker: Path, asked: dict[str, str]) -> dict[str, list[str]]:
    """Return the parser's findings by the query's name."""
    done = subprocess.run(
        [NODE, "--no-deprecation", "check.js"],
        cwd=checker,
        input=json.dumps({"tables": TABLES, "queries": asked}),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return {name: lines for name, lines in found.items() if lines}


def test_every_query_is_one_that_kusto_takes_and_names_columns_that_there_are(checker: Path) -> None:
    assert faults(checker, queries()) == {}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("AppTraces | sumarize count()", "Query operator expected."),
        ("AppTraces | where Mesage == ''", "The name 'Mesage' does not refer to any known column"),
        ("AppTrace | count", "The name 'AppTrace' does not refer to any known"),
    ],
)
def test_a_wrong_query_is_found(checker: Path, query: str, said: str) -> None:
    assert said in faults(checker, {"wrong": query})["wrong"][0]


def logged(room: str) -> Iterator[tuple[str, set[str]]]:
    """Return each message that a room logs, with the fields written beside it."""
    for file in (PROGRAM / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and (extra := [k.value for k in node.keywords if k.arg == "extra"]):
                messages = [each.value for each in node.args if isinstance(each, ast.Constant)]
                fields = {
                    key.value
                    for each in ast.walk(extra[0])
                    if isinstance(each, ast.Dict)
                    for key in each.keys
                    if isinstance(key, ast.Constant)
                }
                for message in messages:
                    yield str(message), {str(field) for field in fields}


def lines() -> dict[str, set[str]]:
    """Return the fields of each line that queries read."""
    now = datetime.now(UTC)
    task = TransformOutput.model_validate({"preset": {"@odata.type": "#Microsoft.Media.FaceDetectorPreset"}})
    output = JobOutput("asset", "", task, error=JobError(ErrorCode.SERVICE_ERROR, "it broke"))
    job = Job(
        "t", "j", "i", now - timedelta(seconds=9), now, (), (output,), JobState.ERROR, start_time=now, end_time=now
    )
    known = {message: set(fields) for message, fields in logged("mediaservice")}
    known["job over"] |= {*end_fields(job), "job", "transform"}
    known["output published"] |= JobMetrics().metadata().keys()
    known["passed over"] = known["refused"] = {"subject", "reason"}
    return known


@pytest.mark.parametrize("name", queries())
def test_every_field_that_a_query_reads_is_one_that_its_line_has(name: str) -> None:
    query = queries()[name]
    read = re.findall(r'line\.message == "([^"]+)"', query)
    wanted = set(re.findall(r"\bline\.(\w+)", query)) - {"message"}
    have = set[str]().union(*(lines()[message] for message in read)) if read else set()
    assert wanted <= have


def test_uploads_are_counted_in_their_container_alone(dev: Graph) -> None:
    lake = next(each.state["name"] for each in dev.of("storage:StorageAccount") if each.name == "faceslake")
    (page,) = [json.loads(each.inputs["serializedData"]) for each in dev.of("insights:Workbook")]
    (uploads,) = [each for each in page["items"] if each["content"].get("title") == "Uploads an hour"]
    assert f'ObjectKey startswith "/{lake}/raw/"' in uploads["content"]["query"]


def test_the_page_has_a_time_picker_and_prices_to_type(dev: Graph) -> None:
    (page,) = [json.loads(each.inputs["serializedData"]) for each in dev.of("insights:Workbook")]
    (parameters,) = [each["content"]["parameters"] for each in page["items"] if each["type"] == 9]
    assert {each["name"]: each["type"] for each in parameters} == {
        "Period": 4,
        "VCpuSecondPrice": 1,
        "GibSecondPrice": 1,
    }


def test_a_long_queue_alone_is_not_a_stuck_one() -> None:
    (rule,) = [rule for rule in alert_rules(SERVICE) if rule.name == "stuck-queue"]
    assert "oldestSeconds" not in rule.query
    assert "working == 0" in rule.query


def test_windows_overlap_so_that_late_lines_count(dev: Graph) -> None:
    for rule in dev.of("insights:ScheduledQueryRule"):
        assert (rule.inputs["evaluationFrequency"], rule.inputs["windowSize"]) == ("PT15M", "PT30M")


def test_silence_of_the_api_is_what_its_alert_fires_on(dev: Graph) -> None:
    conditions = {r.name: r.inputs["criteria"]["allOf"][0] for r in dev.of("insights:ScheduledQueryRule")}
    down = conditions.pop("faces-api-down")
    assert (down["operator"], down["threshold"]) == ("LessThan", 1)
    assert {(each["operator"], each["threshold"]) for each in conditions.values()} == {("GreaterThan", 0)}
