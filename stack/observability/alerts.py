"""Alerts: undelivered and refused uploads, failed jobs, a queue without workers, failures of the function."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native.insights import v20230101 as groups
from pulumi_azure_native.insights import v20230315preview as queries

from stack.observability.logs import FAILED_TRIGGERS, FUNCTION_LINES, lines
from stack.observability.monitoring import Monitoring
from stack.place import Place

_DAY_SECONDS = 24 * 3600
_WINDOW = "PT30M"  # twice the time between two evaluations, since lines arrive late
_BETWEEN_LOOKS = "PT15M"


@dataclass(frozen=True)
class OwnService:
    """The values that the media service's alerts depend on: the number of workers, and the lifetime of a job's link."""

    worker_limit: int
    sas_hours: int


@dataclass(frozen=True)
class AlertRule:
    """A query over the last half hour's lines that returns one row per problem.

    With `silence`, the absence of rows is the problem. With `over`, the lines are those of a longer time, in ISO 8601.
    """

    name: str
    description: str
    query: str
    silence: bool = False
    over: str | None = None


def alert_rules(service: OwnService | None) -> list[AlertRule]:
    """Return the rules of a stack. Without a `service` of our own, those that do not need it."""
    rules = [
        AlertRule(
            "dead-letters",
            "Event Grid gave up on an upload; see the container dead-letters",
            'StorageBlobLogs | where OperationName == "PutBlob" and StatusCode < 300 and Uri contains "/dead-letters/"',
        ),
        AlertRule("trigger-failures", "An upload made no job; Event Grid delivers it again", FAILED_TRIGGERS),
        AlertRule(
            "refused-uploads",
            "An upload can get no job, and is not tried again; its line says why",
            f'{FUNCTION_LINES} | where line.message == "refused"',
        ),
    ]
    if service is None:
        return rules
    return [
        *rules,
        AlertRule(
            "failed-jobs",
            "A redaction job ended in Error; its line says why",
            f'{lines("job over")} | where line.state == "Error"',
        ),
        AlertRule(
            "stuck-queue",
            "Jobs wait, and no worker has worked for half an hour",
            f"{lines('queue watched')} | summarize looks = count(), waiting = min(toint(line.waiting)),"
            " working = max(toint(line.working)) | where looks > 1 and waiting > 0 and working == 0",
        ),
        AlertRule(
            "api-down",
            "The media service's API has not watched its queue for half an hour, which it does every five minutes",
            lines("queue watched"),
            silence=True,
        ),
        AlertRule(
            "long-backlog",
            "What waits will keep all workers that workerLimit allows busy for more than a day",
            f"let average = toscalar({lines('job over')} | where todouble(line.seconds) > 0"
            " | summarize avg(todouble(line.seconds)));"
            f" {lines('queue watched')} | where TimeGenerated > ago(30m) | summarize waiting = max(toint(line.waiting))"
            f" | where waiting * average > {service.worker_limit * _DAY_SECONDS}",
            over="P1D",
        ),
        AlertRule(
            "links-about-to-end",
            "A job has waited for three quarters of the time for which links to videos elsewhere than in the lake last",
            f"{lines('queue watched')} | where toint(line.oldestSeconds) > {service.sas_hours * 3600 * 3 // 4}",
        ),
    ]


class Alerts(pulumi.ComponentResource):
    """Alert rules, shown in the portal and, if there is an address, sent by mail."""

    def __init__(
        self, name: str, place: Place, monitoring: Monitoring, *, email: str | None, service: OwnService | None
    ) -> None:
        super().__init__("face-redaction:monitoring:Alerts", name)
        self._place, self._monitoring = place, monitoring
        self._group = self._mail(email).id if email else None
        for rule in alert_rules(service):
            self._declare(rule)
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

    def _declare(self, rule: AlertRule) -> None:
        operator = queries.ConditionOperator
        queries.ScheduledQueryRule(
            self._place.name(rule.name),
            resource_group_name=self._place.group_name,
            location=self._place.location,
            kind=queries.Kind.LOG_ALERT,
            display_name=rule.name.replace("-", " "),
            description=rule.description,
            enabled=True,
            severity=2,
            scopes=[self._monitoring.workspace_id],
            evaluation_frequency=_BETWEEN_LOOKS,
            window_size=_WINDOW,
            override_query_time_range=rule.over,
            criteria=queries.ScheduledQueryRuleCriteriaArgs(
                all_of=[
                    queries.ConditionArgs(
                        query=rule.query,
                        time_aggregation=queries.TimeAggregation.COUNT,
                        operator=operator.LESS_THAN if rule.silence else operator.GREATER_THAN,
                        threshold=1 if rule.silence else 0,
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
