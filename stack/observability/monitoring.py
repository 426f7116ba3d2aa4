"""Logs: a Log Analytics workspace, and Application Insights based on it."""

import pulumi
from pulumi_azure_native.insights import v20200202 as insights
from pulumi_azure_native.operationalinsights import v20250201 as operationalinsights

from stack.place import Place


class Monitoring(pulumi.ComponentResource):
    """The destination of the function's, the media service's and Azure's logs."""

    workspace_id: pulumi.Output[str]
    insights_id: pulumi.Output[str]
    connection_string: pulumi.Output[str]

    def __init__(self, name: str, place: Place, log_days: int) -> None:
        super().__init__("face-redaction:monitoring:Monitoring", name)
        workspace = operationalinsights.Workspace(
            place.name("logs"),
            resource_group_name=place.group_name,
            location=place.location,
            sku=operationalinsights.WorkspaceSkuArgs(name=operationalinsights.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=log_days,
            features=operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        component = insights.Component(
            place.name("insights"),
            resource_group_name=place.group_name,
            location=place.location,
            kind="web",
            application_type=insights.ApplicationType.WEB,
            ingestion_mode=insights.IngestionMode.LOG_ANALYTICS,
            workspace_resource_id=workspace.id,
            disable_local_auth=True,
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.workspace_id = workspace.id
        self.insights_id = component.id
        self.connection_string = component.connection_string
        self.register_outputs({"workspace_id": self.workspace_id})
