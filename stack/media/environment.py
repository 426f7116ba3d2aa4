"""The Container Apps environment that the media service runs in."""

from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native.app import v20250101 as app

from stack.observability.diagnostics import send_logs
from stack.observability.monitoring import Monitoring
from stack.place import Place
from stack.settings import SelfHosted

if TYPE_CHECKING:  # a heavy module, loaded only when there is a network
    from stack.network import Network


def make_environment(
    place: Place,
    monitoring: Monitoring,
    settings: SelfHosted,
    network: "Network | None",
    *,
    parent: pulumi.Resource,
) -> app.ManagedEnvironment:
    """Declare the environment, in the network if there is one, with its logs in the workspace."""
    environment = app.ManagedEnvironment(
        place.name("env"),
        resource_group_name=place.group_name,
        location=place.location,
        # by diagnostic setting, since the direct connection needs the workspace's shared key
        app_logs_configuration=app.AppLogsConfigurationArgs(destination="azure-monitor"),
        workload_profiles=_workload_profiles(settings),
        vnet_configuration=app.VnetConfigurationArgs(infrastructure_subnet_id=network.containers_subnet_id)
        if network
        else None,
        tags=place.tags,
        # Azure takes 5 to 13 minutes to delete one
        opts=pulumi.ResourceOptions(parent=parent, custom_timeouts=pulumi.CustomTimeouts(create="30m", delete="30m")),
    )
    send_logs("environment-logs", environment.id, monitoring.workspace_id, parent=parent)
    return environment


def _workload_profiles(settings: SelfHosted) -> list[app.WorkloadProfileArgs]:
    profiles = [app.WorkloadProfileArgs(name="Consumption", workload_profile_type="Consumption")]
    if (size := settings.worker_profile) != "Consumption":
        profiles.append(
            app.WorkloadProfileArgs(
                name=size, workload_profile_type=size, minimum_count=0, maximum_count=settings.worker_limit
            )
        )
    return profiles
