"""A workbook in the portal: uploads, jobs by state, the queue's age, the speed of redaction."""

import json
import uuid

import pulumi
from pulumi_azure_native.insights import v20230601 as insights

from stack.observability.alerts import CONTAINER_LOGS, FAILED_TRIGGER
from stack.observability.monitoring import Monitoring
from stack.place import Place

_UPLOADS = (
    'StorageBlobLogs | where OperationName in ("PutBlob", "PutBlockList", "FlushFile", "CopyBlob") and StatusCode < 300'
    " | summarize uploads = count() by bin(TimeGenerated, 1h)"
)
_JOBS = (
    f'{CONTAINER_LOGS} | where line.message == "job over"'
    " | summarize jobs = count() by state = tostring(line.state), bin(TimeGenerated, 1h)"
)
_QUEUE = (
    f'{CONTAINER_LOGS} | where line.message == "queue watched"'
    " | summarize waiting = max(toint(line.waiting)), oldestSeconds = max(toint(line.oldestSeconds))"
    " by bin(TimeGenerated, 5m)"
)
_SPEED = (
    f'{CONTAINER_LOGS} | where line.message == "output published"'
    " | summarize framesPerSecond = sum(todouble(line.frames)) / sum(todouble(line.redactSeconds))"
    " by bin(TimeGenerated, 1h)"
)
_API = (
    'AppRequests | where AppRoleName == "mediaservice.api"'
    " | summarize percentile(DurationMs, 50), percentile(DurationMs, 99) by bin(TimeGenerated, 5m)"
)
_FAILURES = (
    f"{FAILED_TRIGGER} | project TimeGenerated, Name, ResultCode, DurationMs | order by TimeGenerated desc | take 50"
)


class Dashboard(pulumi.ComponentResource):
    """An Azure Monitor workbook over the workspace's logs."""

    workbook_id: pulumi.Output[str]

    def __init__(self, name: str, place: Place, monitoring: Monitoring) -> None:
        super().__init__("face-redaction:monitoring:Dashboard", name)
        items = [
            _chart("Uploads an hour", _UPLOADS, "barchart"),
            _chart("Jobs by state", _JOBS, "barchart"),
            _chart("Waiting jobs, and the oldest one's seconds", _QUEUE, "linechart"),
            _chart("Frames redacted per second", _SPEED, "linechart"),
            _chart("Milliseconds of the media service's requests", _API, "linechart"),
            _chart("Failures of the trigger", _FAILURES, "table"),
        ]
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
            serialized_data=json.dumps({"version": "Notebook/1.0", "items": items}, sort_keys=True),
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.workbook_id = workbook.id
        self.register_outputs({"workbook_id": workbook.id})


def _chart(title: str, query: str, form: str) -> dict[str, object]:
    """Return a workbook's item of type 3, a query. `form` is its visualization."""
    return {
        "type": 3,
        "name": title,
        "content": {
            "version": "KqlItem/1.0",
            "query": query,
            "title": title,
            "size": 0,
            "timeContext": {"durationMs": 7 * 24 * 3600 * 1000},
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
            "visualization": form,
        },
    }
