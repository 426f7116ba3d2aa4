"""A workbook in the portal: uploads, jobs, the queue, speed, waiting times, failures and costs."""

import json
import uuid
from dataclasses import dataclass

import pulumi
from pulumi_azure_native.insights import v20230601 as insights

from stack.observability.logs import FAILED_TRIGGERS, FUNCTION_LINES, lines
from stack.observability.monitoring import Monitoring
from stack.place import Place

_PERIOD = "Period"
_HOUR_MS = 3600 * 1000
_PERIODS_MS = [_HOUR_MS, 24 * _HOUR_MS, 7 * 24 * _HOUR_MS, 30 * 24 * _HOUR_MS]
_GIB_A_CORE = 2


@dataclass(frozen=True)
class Chart:
    """A query with its visualization."""

    title: str
    query: str
    form: str


def charts(lake: str, container: str, worker_cpu: float) -> list[Chart]:
    """Return the charts, for uploads to `container` of the account `lake` and workers with `worker_cpu` cores."""
    over = lines("job over")
    return [
        Chart(
            "Uploads an hour",
            f'StorageBlobLogs | where ObjectKey startswith "/{lake}/{container}/" and StatusCode < 300'
            ' and OperationName in ("PutBlob", "PutBlockList", "FlushFile", "CopyBlob")'
            " | summarize uploads = count() by bin(TimeGenerated, 1h)",
            "barchart",
        ),
        Chart(
            "Uploads passed over",
            f'{FUNCTION_LINES} | where line.message == "passed over"'
            " | project TimeGenerated, subject = tostring(line.subject), reason = tostring(line.reason)"
            " | order by TimeGenerated desc | take 50",
            "table",
        ),
        Chart(
            "Jobs by state",
            f"{over} | summarize jobs = count() by state = tostring(line.state), bin(TimeGenerated, 1h)",
            "barchart",
        ),
        Chart(
            "Failed jobs",
            f'{over} | where line.state == "Error" | project TimeGenerated, job = tostring(line.job),'
            " code = tostring(line.code), reason = tostring(line.reason), upload = tostring(line.source)"
            " | order by TimeGenerated desc | take 50",
            "table",
        ),
        Chart(
            "Waiting jobs, and the oldest one's seconds",
            f"{lines('queue watched')} | summarize waiting = max(toint(line.waiting)),"
            " oldestSeconds = max(toint(line.oldestSeconds)) by bin(TimeGenerated, 5m)",
            "linechart",
        ),
        Chart(
            "Seconds from an upload to its result",
            f'{over} | where line.state == "Finished"'
            " | extend seconds = todouble(line.totalSeconds)"
            " | summarize median = percentile(seconds, 50), of95Percent = percentile(seconds, 95)"
            " by bin(TimeGenerated, 1h)",
            "linechart",
        ),
        Chart(
            "Frames redacted per second",
            f"{lines('output published')} | summarize framesPerSecond ="
            " sum(todouble(line.frames)) / sum(todouble(line.redactSeconds)) by bin(TimeGenerated, 1h)",
            "linechart",
        ),
        Chart(
            "Daily use and costs of redaction, at the prices entered above",
            f"{over} | summarize vCpuSeconds = {worker_cpu:g} * sum(todouble(line.seconds)) by bin(TimeGenerated, 1d)"
            f" | extend gibSeconds = {_GIB_A_CORE} * vCpuSeconds"
            " | extend cost = vCpuSeconds * todouble('{VCpuSecondPrice}') + gibSeconds * todouble('{GibSecondPrice}')",
            "table",
        ),
        Chart(
            "Milliseconds of the media service's requests",
            'AppRequests | where AppRoleName == "mediaservice.api"'
            " | summarize percentile(DurationMs, 50), percentile(DurationMs, 99) by bin(TimeGenerated, 5m)",
            "linechart",
        ),
        Chart(
            "Failures of the trigger",
            f"{FAILED_TRIGGERS} | project TimeGenerated, Name, ResultCode, DurationMs"
            " | order by TimeGenerated desc | take 50",
            "table",
        ),
    ]


class Dashboard(pulumi.ComponentResource):
    """An Azure Monitor workbook over the workspace's logs."""

    workbook_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        place: Place,
        monitoring: Monitoring,
        *,
        lake: pulumi.Output[str],
        container: str,
        worker_cpu: float,
    ) -> None:
        super().__init__("face-redaction:monitoring:Dashboard", name)
        workbook = insights.Workbook(
            place.name("workbook"),
            # Azure requires a GUID as its name
            resource_name_=place.group_id.apply(lambda group: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{group}/workbook"))),
            resource_group_name=place.group_name,
            location=place.location,
            kind=insights.WorkbookSharedTypeKind.SHARED,
            category="workbook",
            display_name=f"Face redaction ({pulumi.get_stack()})",
            source_id=monitoring.workspace_id.apply(str.lower),  # in the form that Azure returns
            serialized_data=lake.apply(lambda account: _page(charts(account, container, worker_cpu))),
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.workbook_id = workbook.id
        self.register_outputs({"workbook_id": workbook.id})


def _page(shown: list[Chart]) -> str:
    items = [_parameters(), *(_item(chart) for chart in shown)]
    return json.dumps({"version": "Notebook/1.0", "items": items}, sort_keys=True)


def _parameters() -> dict[str, object]:
    """Return a workbook's item of type 9: the time picker, and prices for the user's region."""

    def parameter(name: str, label: str, kind: int, value: object, **more: object) -> dict[str, object]:
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"face-redaction/workbook/{name}"))
        version = "KqlParameterItem/1.0"
        return {"id": key, "version": version, "name": name, "label": label, "type": kind, "value": value, **more}

    times = {"selectableValues": [{"durationMs": each} for each in _PERIODS_MS], "allowCustom": True}
    return {
        "type": 9,
        "name": "parameters",
        "content": {
            "version": "KqlParameterItem/1.0",
            "parameters": [
                parameter(_PERIOD, "Period", 4, {"durationMs": _PERIODS_MS[2]}, isRequired=True, typeSettings=times),
                parameter("VCpuSecondPrice", "Price of a vCPU-second", 1, "0"),
                parameter("GibSecondPrice", "Price of a GiB-second", 1, "0"),
            ],
            "style": "pills",
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
        },
    }


def _item(chart: Chart) -> dict[str, object]:
    """Return a workbook's item of type 3, a query over the chosen period. Addresses of uploads are links."""
    links = {"formatters": [{"columnMatch": "^upload$", "formatter": 7, "formatOptions": {"linkTarget": "Url"}}]}
    return {
        "type": 3,
        "name": chart.title,
        "content": {
            "version": "KqlItem/1.0",
            "query": chart.query,
            "title": chart.title,
            "size": 0,
            "timeContextFromParameter": _PERIOD,
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
            "visualization": chart.form,
            **({"gridSettings": links} if chart.form == "table" else {}),
        },
    }
