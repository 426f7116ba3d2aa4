"""Events of jobs: the Event Grid topic that the self-hosted media service publishes to."""

from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native.eventgrid import v20250215 as eventgrid

from stack.observability.diagnostics import send_logs
from stack.observability.monitoring import Monitoring
from stack.place import Place

if TYPE_CHECKING:  # a heavy module, loaded only when there is a network
    from stack.network import Network


class JobEvents(pulumi.ComponentResource):
    """A custom topic that accepts Entra tokens only, and only connections from the private network if there is one."""

    topic_id: pulumi.Output[str]
    endpoint: pulumi.Output[str]

    def __init__(self, name: str, place: Place, monitoring: Monitoring, network: "Network | None") -> None:
        super().__init__("face-redaction:events:JobEvents", name)
        access = eventgrid.PublicNetworkAccess
        topic = eventgrid.Topic(
            place.name("job-events"),
            resource_group_name=place.group_name,
            location=place.location,
            input_schema=eventgrid.InputSchema.EVENT_GRID_SCHEMA,
            disable_local_auth=True,
            minimum_tls_version_allowed=eventgrid.TlsVersion.TLS_VERSION_1_2,
            public_network_access=access.DISABLED if network else access.ENABLED,
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.topic_id = topic.id
        self.endpoint = topic.endpoint
        if network:
            network.connect_topic("job-events", topic.id, topic.endpoint)
        failures = ["PublishFailures", "DeliveryFailures"]
        send_logs("job-event-logs", topic.id, monitoring.workspace_id, parent=self, categories=failures)
        self.register_outputs({"topic_id": topic.id})
