"""Alerts: undelivered uploads, failed jobs, a queue without workers, failures of the function."""

import pulumi
from pulumi_azure_native.insights import v20230101 as groups
from pulumi_azure_native.insights import v20230315preview as queries

from stack.observability.monitoring import Monitoring
from stack.place import Place

# The containers' log lines, in either of Container Apps' two tables.
CONTAINER_LOGS = (
    "union isfuzzy=true ContainerAppConsoleLogs, ContainerAppConsoleLogs_CL"
    ' | extend line = parse_json(tostring(column_ifexists("Log", column_ifexists("Log_s", ""))))'
)
# Of the function only, since the media service's requests are in the same table.
FAILED_TRIGGER = 'AppRequests | where Success == false and AppRoleName !startswith "mediaservice."'
_FAILED_JOBS = f'{CONTAINER_LOGS} | where line.message == "job over" and line.state == "Error"'
_STUCK_QUEUE = f'{CONTAINER_LOGS} | where line.message == "queue watched" and toint(line.oldestSeconds) > 1800'
_DEAD_LETTERS = (
    'StorageBlobLogs | where OperationName == "PutBlob" and StatusCode < 300 and Uri contains "/dead-letters/"'
)


class Alerts(pulumi.ComponentResource):
    """Alert rules, shown in the portal and, if there is an address, sent by mail."""

    def __init__(
        self,
        name: str,
        place: Place,
        monitoring: Monitoring,
        *,
        email: str | None,
        own_service: bool,
    ) -> None:
        super().__init__("face-redaction:monitoring:Alerts", name)
        self._place, self._monitoring = place, monitoring
        self._group = self._mail(email).id if email else None
        self._query("dead-letters", "Event Grid gave up on an upload; see the container dead-letters", _DEAD_LETTERS)
        self._query("trigger-failures", "An upload made no job; Event Grid delivers it again", FAILED_TRIGGER)
        if own_service:
            self._query("failed-jobs", "A redaction job ended in Error; its record says why", _FAILED_JOBS)
            self._query("stuck-queue", "A job has waited for a worker for half an hour", _STUCK_QUEUE)
        self.register_outputs({})

    def _mail(self, address: str) -> groups.ActionGroup:
        return groups.ActionGroup(
            self._place.name("mail"),
            resource_group_name=self._place.group_name,
            location="Global",
            group_short_name="faces",
            enabled=True,
            email_receivers=[
                groups.EmailReceiverArgs(name="operator", email_address=address, use_common_alert_schema=True)
            ],
            tags=self._place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _query(self, part: str, description: str, query: str) -> None:
        queries.ScheduledQueryRule(
            self._place.name(part),
            resource_group_name=self._place.group_name,
            location=self._place.location,
            kind=queries.Kind.LOG_ALERT,
            display_name=part.replace("-", " "),
            description=description,
            enabled=True,
            severity=2,
            scopes=[self._monitoring.workspace_id],
            evaluation_frequency="PT15M",
            window_size="PT15M",
            criteria=queries.ScheduledQueryRuleCriteriaArgs(
                all_of=[
                    queries.ConditionArgs(
                        query=query,
                        time_aggregation=queries.TimeAggregation.COUNT,
                        operator=queries.ConditionOperator.GREATER_THAN,
                        threshold=0,
                        failing_periods=queries.ConditionFailingPeriodsArgs(
                            number_of_evaluation_periods=1, min_failing_periods_to_alert=1
                        ),
                    )
                ]
            ),
            actions=queries.ActionsArgs(action_groups=[self._group]) if self._group else None,
            auto_mitigate=True,
            skip_query_validation=True,  # the tables exist only after the first lines
            tags=self._place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
