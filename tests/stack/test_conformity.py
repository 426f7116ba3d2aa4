"""Every declared resource is known to Azure's provider and has a name that Azure accepts."""

import dataclasses
from typing import Any

import pytest

from local.graph.program import Graph, run_program
from tests.stack.conformity import departures, is_providers, token_of
from tests.stack.conftest import PROGRAM, AzureAddresses, graph_of
from tests.stack.naming import breach, name_of
from tests.stack.variants import EVERYTHING
from tests.stacks import shipped_stack

ACCOUNT = "azure-native:storage/v20240101:StorageAccount"
SUBSCRIPTION = "azure-native:eventgrid/v20250215:SystemTopicEventSubscription"
SITE = "azure-native:web/v20240401:WebApp"


def all_departures(graph: Graph) -> list[str]:
    return [
        f"{resource.name}: {departure}"
        for resource in graph.resources
        if is_providers(token_of(resource))
        for departure in departures(token_of(resource), resource.inputs)
    ]


def test_every_resource_is_as_the_sdk_declares_its_type(any_graph: Graph) -> None:
    assert not all_departures(any_graph)


@pytest.mark.parametrize("variant", ["everything", "given", "tuned"])
@pytest.mark.parametrize("preview", [False, True], ids=["up", "preview"])
def test_so_is_every_resource_that_settings_add(variant: str, preview: bool) -> None:
    assert not all_departures(graph_of("dev", variant, preview=preview))


def test_what_is_not_a_providers_is_this_programs_own(graph: Graph) -> None:
    others = {token_of(each) for each in graph.resources if not is_providers(token_of(each))}
    assert {token.split(":")[0] for token in others} <= {"face-redaction", "pulumi-python"}


def account(**changes: Any) -> dict[str, Any]:
    return {"resourceGroupName": "group", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, **changes}


def subscription(**changes: Any) -> dict[str, Any]:
    return {"resourceGroupName": "group", "systemTopicName": "topic", **changes}


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (ACCOUNT, account(tags={"stack": "dev"}, isHnsEnabled=True)),
        (SUBSCRIPTION, subscription(destination={"endpointType": "AzureFunction", "resourceId": "id"})),
        (SITE, {"resourceGroupName": "group", "siteConfig": {"appSettings": [{"name": "A", "value": "1"}]}}),
    ],
)
def test_a_sound_resource_departs_in_nothing(token: str, inputs: dict[str, Any]) -> None:
    assert departures(token, inputs) == []


@pytest.mark.parametrize(
    ("token", "inputs", "said"),
    [
        (ACCOUNT.replace("/v20240101", ""), account(), "names no API version"),
        (ACCOUNT.replace("2024", "1999"), account(), "the SDK has no such type"),
        (ACCOUNT + "s", account(), "the SDK has no such type"),
        (ACCOUNT, account(hns=True), "hns: StorageAccountArgs has no such property"),
        (ACCOUNT, account(sku={"name": "Standard_LRS", "size": 1}), "sku.size: SkuArgs has no such property"),
        (ACCOUNT, account(kind=None), "kind: StorageAccountArgs requires it"),
        (ACCOUNT, account(sku={}), "sku.name: SkuArgs requires it"),
        (ACCOUNT, account(kind="Storagev2"), "kind: is 'Storagev2'; Kind is one of"),
        (ACCOUNT, account(sku={"name": "LRS"}), "sku.name: is 'LRS'; SkuName is one of"),
        (ACCOUNT, account(isHnsEnabled="true"), "isHnsEnabled: is 'true', not a bool"),
        (ACCOUNT, account(tags={"cost": 1}), "tags.cost: is 1, not a str"),
        (ACCOUNT, account(sku="Standard_LRS"), "sku: is 'Standard_LRS', not a SkuArgs"),
        (SITE, {"resourceGroupName": "group", "reserved": 1}, "reserved: is 1, not a bool"),
        (
            SITE,
            {"resourceGroupName": "group", "siteConfig": {"appSettings": {"A": "1"}}},
            "siteConfig.appSettings: is {'A': '1'}, not a list",
        ),
        (
            SITE,
            {"resourceGroupName": "group", "functionAppConfig": {}, "siteConfig": {"ftpsState": "Disabled"}},
            "take siteConfig.ftpsState out: Flex Consumption refuses it",
        ),
        (
            SUBSCRIPTION,
            subscription(destination={"endpointType": "AzureFunctions", "resourceId": "id"}),
            "destination.endpointType: is 'AzureFunctions'",
        ),
        (
            SUBSCRIPTION,
            subscription(filter={"advancedFilters": [{"operatorType": "StringIn", "key": "data.api", "value": "a"}]}),
            "filter.advancedFilters[0].value: StringInAdvancedFilterArgs has no such property",
        ),
    ],
)
def test_a_broken_resource_is_caught(token: str, inputs: dict[str, Any], said: str) -> None:
    (departure,) = departures(token, inputs)
    assert said in departure


@pytest.fixture(scope="module", params=["dev", "ams"])
def longest(request: pytest.FixtureRequest) -> Graph:
    """A stack with the longest names that a user may choose."""
    chosen = shipped_stack(
        request.param,
        {
            **EVERYTHING,
            "namePrefix": "abcdefghij",
            "uploadContainer": "u" * 63,
            "uploadEndings": '[".abcdefghijkl", ".m4v"]',
        },
    )
    return run_program(
        PROGRAM,
        dataclasses.replace(chosen, name="feature.a_very-long-name_" * 4),  # Pulumi takes 100 characters
        tenant_id="99999999-8888-7777-6666-555555555555",
        deployer_id="11111111-0000-0000-0000-000000000000",
        addresses=AzureAddresses(),
    )


def broken_names(graph: Graph) -> list[str]:
    of_azure = [each for each in graph.resources if token_of(each).startswith("azure-native:")]
    return [said for each in of_azure if (said := breach(each.kind, name_of(each)))]


def test_every_name_is_one_that_azure_takes(graph: Graph) -> None:
    assert not broken_names(graph)


def test_the_longest_names_are_still_ones_that_azure_takes(longest: Graph) -> None:
    assert not broken_names(longest)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("app:ContainerApp", "a" * 33),
        ("app:ContainerApp", "Api"),
        ("app:Job", "face--worker"),
        ("app:Job", "1worker"),
        ("app:ManagedEnvironment", "e" * 61),
        ("authorization:RoleAssignment", "reads-uploads"),
        ("containerregistry:Registry", "my-images"),
        ("eventgrid:SystemTopic", "t" * 51),
        ("eventgrid:SystemTopicEventSubscription", "redact_mp4"),
        ("insights:Component", "a/b"),
        ("managedidentity:UserAssignedIdentity", "-identity"),
        ("media:MediaService", "media-account"),
        ("operationalinsights:Workspace", "log"),
        ("operationalinsights:Workspace", "logs-"),
        ("resources:Deployment", "d" * 65),
        ("resources:ResourceGroup", "group."),
        ("resources:ResourceGroup", "g" * 91),
        ("storage:BlobContainer", "Raw"),
        ("storage:BlobContainer", "a--b"),
        ("storage:ManagementPolicy", "policy"),
        ("storage:Queue", "jobs-"),
        ("storage:StorageAccount", "a" * 25),
        ("storage:StorageAccount", "my-lake"),
        ("storage:Table", "1jobs"),
        ("web:AppServicePlan", "plan_1"),
        ("web:WebApp", "f" * 33),
        ("web:WebApp", "-site"),
        ("compute:VirtualMachine", "vm"),
    ],
)
def test_a_name_that_azure_refuses_is_caught(kind: str, name: str) -> None:
    said = breach(kind, name)
    assert said is not None
    assert repr(name) in said


def test_a_new_kind_is_asked_for_a_rule_where_rules_are() -> None:
    said = breach("eventhub:Namespace", "hub")
    assert said is not None
    assert said.endswith("add one to _RULES in tests/stack/naming.py")
