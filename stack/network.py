"""A virtual network of the graph. Services with private endpoints in it accept connections from it only."""

import ipaddress
from collections.abc import Sequence

import pulumi
from pulumi_azure_native.network import v20240501 as network
from pulumi_azure_native.network import v20240601 as dns

from stack.place import Place

# The function and the containers are in subnets delegated to Container Apps' infrastructure.
_CONTAINER_APPS = "Microsoft.App/environments"


class Network(pulumi.ComponentResource):
    """Three subnets of `address_range` (IPv4, /16 to /22): for containers, the function and private endpoints."""

    containers_subnet_id: pulumi.Output[str]
    function_subnet_id: pulumi.Output[str]

    def __init__(self, name: str, place: Place, address_range: str) -> None:
        super().__init__("face-redaction:network:Network", name)
        self._place = place
        self._zones: dict[str, dns.PrivateZone] = {}
        subnets = ipaddress.ip_network(address_range).subnets(new_prefix=24)
        delegated = [network.DelegationArgs(name="containers", service_name=_CONTAINER_APPS)]
        self._network = network.VirtualNetwork(
            place.name("network"),
            resource_group_name=place.group_name,
            location=place.location,
            address_space=network.AddressSpaceArgs(address_prefixes=[address_range]),
            # All in one request: Azure changes one subnet at a time
            subnets=[
                network.SubnetArgs(name="containers", address_prefix=str(next(subnets)), delegations=delegated),
                network.SubnetArgs(name="trigger", address_prefix=str(next(subnets)), delegations=delegated),
                network.SubnetArgs(name="endpoints", address_prefix=str(next(subnets))),
            ],
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.containers_subnet_id = self._subnet("containers")
        self.function_subnet_id = self._subnet("trigger")
        self.register_outputs({"containers_subnet_id": self.containers_subnet_id})

    def connect(
        self, name: str, account_id: pulumi.Output[str], blob_endpoint: pulumi.Output[str], services: Sequence[str]
    ) -> list[pulumi.Resource]:
        """Declare private endpoints of a storage account's services (blob, dfs, queue, table), with DNS names."""
        suffix = blob_endpoint.apply(_suffix)
        return [
            self._connect(f"{name}-{service}", account_id, service, pulumi.Output.concat(service, ".", suffix))
            for service in services
        ]

    def connect_topic(self, name: str, topic_id: pulumi.Output[str], endpoint: pulumi.Output[str]) -> pulumi.Resource:
        """Declare a private endpoint of an Event Grid topic, with its DNS name."""
        return self._connect(name, topic_id, "topic", endpoint.apply(_topic_domain))

    def _subnet(self, name: str) -> pulumi.Output[str]:
        return pulumi.Output.concat(self._network.id, "/subnets/", name)

    def _connect(
        self, name: str, resource_id: pulumi.Output[str], service: str, domain: pulumi.Output[str]
    ) -> pulumi.Resource:
        """Declare a private endpoint. `domain` is the end of the service's public names."""
        endpoint = network.PrivateEndpoint(
            self._place.name(name),
            resource_group_name=self._place.group_name,
            location=self._place.location,
            subnet=network.SubnetArgs(id=self._subnet("endpoints")),
            private_link_service_connections=[
                network.PrivateLinkServiceConnectionArgs(
                    name=service, private_link_service_id=resource_id, group_ids=[service]
                )
            ],
            tags=self._place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return network.PrivateDnsZoneGroup(
            f"{name}-names",
            private_dns_zone_group_name="default",
            private_endpoint_name=endpoint.name,
            resource_group_name=self._place.group_name,
            private_dns_zone_configs=[
                network.PrivateDnsZoneConfigArgs(name=service, private_dns_zone_id=self._zone(service, domain).id)
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _zone(self, service: str, domain: pulumi.Output[str]) -> dns.PrivateZone:
        if service not in self._zones:
            self._zones[service] = dns.PrivateZone(
                f"{service}-zone",
                private_zone_name=pulumi.Output.concat("privatelink.", domain),
                resource_group_name=self._place.group_name,
                location="global",
                tags=self._place.tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
            dns.VirtualNetworkLink(
                f"{service}-link",
                virtual_network_link_name="network",
                private_zone_name=self._zones[service].name,
                resource_group_name=self._place.group_name,
                location="global",
                registration_enabled=False,
                virtual_network=dns.SubResourceArgs(id=self._network.id),
                tags=self._place.tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return self._zones[service]


def _suffix(blob_endpoint: str) -> str:
    """`https://account.blob.core.windows.net/` → `core.windows.net`, or that of a sovereign cloud."""
    return blob_endpoint.removeprefix("https://").rstrip("/").split(".", 2)[-1]


def _topic_domain(endpoint: str) -> str:
    """`https://topic.westeurope-1.eventgrid.azure.net/api/events` → `eventgrid.azure.net`."""
    return endpoint.removeprefix("https://").partition("/")[0].split(".", 2)[-1]
