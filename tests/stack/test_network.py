"""The optional virtual network."""

import pytest

from local.graph.program import Graph
from tests.stack.conftest import graph_of
from tests.stack.test_graph import closure


@pytest.fixture(scope="module")
def private() -> Graph:
    return graph_of("dev", "everything")


def test_without_it_there_is_none(graph: Graph) -> None:
    assert not [r for r in graph.resources if r.kind.startswith("network:")]


def test_uploads_and_results_are_closed_to_everybody_outside(private: Graph) -> None:
    default = {a.name: a.inputs["networkRuleSet"]["defaultAction"] for a in private.of("storage:StorageAccount")}
    assert default == {"faceslake": "Deny", "facesmedia": "Deny", "facescode": "Allow"}
    for account in private.of("storage:StorageAccount"):
        assert account.inputs["networkRuleSet"]["bypass"] == "AzureServices"


def test_every_service_that_the_graph_uses_has_an_endpoint_and_a_name(private: Graph) -> None:
    connected = {
        (r.inputs["privateLinkServiceConnections"][0]["privateLinkServiceId"].rsplit("/", 1)[-1][:-8], r.name[6:])
        for r in private.of("network:PrivateEndpoint")
    }
    assert connected == {
        ("faceslake", "lake-blob"),
        ("faceslake", "lake-dfs"),
        ("facesmedia", "media-blob"),
        ("facesmedia", "media-queue"),
        ("facesmedia", "media-table"),
        ("faces-job-events", "job-events"),
    }
    assert {zone.inputs["privateZoneName"] for zone in private.of("network:PrivateZone")} == {
        *(f"privatelink.{service}.core.windows.net" for service in ("blob", "dfs", "queue", "table")),
        "privatelink.eventgrid.azure.net",
    }
    assert len(private.of("network:VirtualNetworkLink")) == 5


def test_job_events_are_taken_from_within_the_network_alone(private: Graph) -> None:
    assert private.one("eventgrid:Topic").inputs["publicNetworkAccess"] == "Disabled"
    for kind in ("app:ContainerApp", "app:Job"):
        assert "network:PrivateDnsZoneGroup job-events-names" in closure(private, private.one(kind))


def test_function_and_containers_stand_in_subnets_of_their_own(private: Graph) -> None:
    subnets = {s["name"]: s for s in private.one("network:VirtualNetwork").inputs["subnets"]}
    assert [s["addressPrefix"] for s in subnets.values()] == ["10.9.0.0/24", "10.9.1.0/24", "10.9.2.0/24"]
    for name in ("containers", "trigger"):
        assert subnets[name]["delegations"][0]["serviceName"] == "Microsoft.App/environments"
    assert private.one("web:WebApp").inputs["virtualNetworkSubnetId"].endswith("/subnets/trigger")
    vnet = private.one("app:ManagedEnvironment").inputs["vnetConfiguration"]
    assert vnet["infrastructureSubnetId"].endswith("/subnets/containers")


def test_nothing_starts_before_the_storage_can_be_reached(private: Graph) -> None:
    for kind in ("app:ContainerApp", "app:Job", "web:WebApp"):
        before = closure(private, private.one(kind))
        assert "network:PrivateDnsZoneGroup media-blob-names" in before
        assert "network:PrivateDnsZoneGroup lake-blob-names" in before


def test_workers_take_inputs_from_the_lakes_private_address_and_from_no_other(private: Graph, dev: Graph) -> None:
    def hosts(graph: Graph) -> list[str]:
        (container,) = graph.one("app:Job").inputs["template"]["containers"]
        return [each["value"] for each in container["env"] if each["name"] == "INPUT_HOSTS"]

    lake = next(a for a in private.of("storage:StorageAccount") if a.name == "faceslake").state["name"]
    assert hosts(private) == [f"{lake}.blob.core.windows.net"]
    assert hosts(dev) == []
