"""Diagnostic settings: Azure resources' logs, sent to the workspace."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native.insights import v20210501preview as insights


def send_logs(
    name: str,
    resource_id: pulumi.Output[str],
    workspace_id: pulumi.Output[str],
    *,
    parent: pulumi.Resource,
    categories: Sequence[str] = (),
) -> insights.DiagnosticSetting:
    """Send these categories of a resource's logs to a workspace, by default all."""
    logs = [insights.LogSettingsArgs(category=category, enabled=True) for category in categories]
    return insights.DiagnosticSetting(
        name,
        name="logs",
        resource_uri=resource_id,
        workspace_id=workspace_id,
        logs=logs or [insights.LogSettingsArgs(category_group="allLogs", enabled=True)],
        opts=pulumi.ResourceOptions(parent=parent),
    )
