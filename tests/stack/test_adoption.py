"""An existing lake and its system topic are adopted unchanged."""

import pytest

from local.graph.program import Graph
from tests.stack.conftest import graph_of, graph_with

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/data/providers"
LAKE = f"{GROUP}/Microsoft.Storage/storageAccounts/ourlake"
TOPIC = f"{GROUP}/Microsoft.EventGrid/systemTopics/lake-events"


@pytest.fixture(scope="module")
def adopting() -> Graph:
    return graph_with("dev", lakeAccount=LAKE, systemTopic=TOPIC, uploadDays="10")


def test_lake_container_and_topic_are_named_as_they_are(adopting: Graph) -> None:
    lake = next(r for r in adopting.of("storage:StorageAccount") if r.name == "faceslake")
    uploads = next(r for r in adopting.of("storage:BlobContainer") if r.name == "raw")
    topic = adopting.one("eventgrid:SystemTopic")
    assert (lake.inputs["accountName"], lake.inputs["resourceGroupName"]) == ("ourlake", "data")
    assert (uploads.inputs["accountName"], uploads.inputs["resourceGroupName"]) == ("ourlake", "data")
    assert (topic.inputs["systemTopicName"], topic.inputs["resourceGroupName"]) == ("lake-events", "data")


def test_they_are_imported_never_changed_and_left_behind(adopting: Graph) -> None:
    adopted = {r.name: r.adopts for r in adopting.resources if r.adopts}
    assert adopted == {
        "faceslake": LAKE,
        "raw": f"{LAKE}/blobServices/default/containers/raw",
        "faces-uploads": TOPIC,
    }


def test_the_subscription_stands_beside_the_adopted_topic(adopting: Graph) -> None:
    subscription = adopting.one("eventgrid:SystemTopicEventSubscription").inputs
    assert (subscription["systemTopicName"], subscription["resourceGroupName"]) == ("lake-events", "data")


def test_what_is_kept_how_long_in_an_adopted_lake_is_its_owners_choice(adopting: Graph) -> None:
    assert {r.inputs["accountName"] for r in adopting.of("storage:BlobServiceProperties")} != {"ourlake"}
    assert not adopting.of("storage:ManagementPolicy")


def test_workers_may_run_on_a_dedicated_profile() -> None:
    graph = graph_of("dev", "tuned")
    profiles = {p["name"]: p for p in graph.one("app:ManagedEnvironment").inputs["workloadProfiles"]}
    assert profiles["D8"] == {"name": "D8", "workloadProfileType": "D8", "minimumCount": 0, "maximumCount": 3}
    assert graph.one("app:Job").inputs["workloadProfileName"] == "D8"
    assert graph.one("app:ContainerApp").inputs["workloadProfileName"] == "Consumption"
