"""Declarations that real Azure refuses, ignores or fails on: a test for each trap without another test."""

import json
import uuid
from typing import Any

import pytest

from local.graph.program import PROGRAM_LOGGER, Graph
from operations.replay import Containers
from policy.rules.flex import REFUSED_CONFIGURATION
from stack.function.package import PYTHON
from stack.roles import Role, assignment_name
from tests.stack.conftest import graph_of, run
from tests.stack.test_graph import account, closure, grants, identity

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"


def site(graph: Graph) -> dict[str, Any]:
    return dict(graph.one("web:WebApp").inputs)


def test_code_gets_in_by_one_deploy_without_a_build_on_azure(graph: Graph) -> None:
    properties = graph.one("resources:Deployment").inputs["properties"]
    (extension,) = properties["template"]["resources"]
    assert extension["type"] == "Microsoft.Web/sites/extensions"
    assert extension["name"] == "[format('{0}/onedeploy', parameters('app'))]"
    assert extension["apiVersion"] >= "2022-09-01"
    assert extension["properties"] == {"packageUri": "[parameters('packageUri')]", "remoteBuild": False}
    assert properties["parameters"]["app"]["value"] == graph.one("web:WebApp").state["name"]


def test_nothing_that_flex_consumption_refuses_is_set(graph: Graph) -> None:
    settings = {each["name"] for each in site(graph)["siteConfig"]["appSettings"]}
    refused = ("FUNCTIONS_", "WEBSITE_", "SCM_DO_BUILD_DURING_DEPLOYMENT", "ENABLE_ORYX_BUILD")
    assert not [name for name in settings if name.startswith(refused) or name == "AzureWebJobsStorage"]
    assert not {*REFUSED_CONFIGURATION, "cors"} & site(graph)["siteConfig"].keys()


def test_the_app_runs_the_python_that_its_package_is_built_for(graph: Graph) -> None:
    assert site(graph)["functionAppConfig"]["runtime"]["version"] == ".".join(str(part) for part in PYTHON[:2])


def test_the_plan_is_linux_and_the_apps_own(graph: Graph) -> None:
    plan = graph.one("web:AppServicePlan")
    assert plan.inputs["reserved"] is True
    assert (site(graph)["kind"], site(graph)["serverFarmId"]) == ("functionapp,linux", plan.id)
    scale = site(graph)["functionAppConfig"]["scaleAndConcurrency"]
    assert scale == {"instanceMemoryMB": 2048, "maximumInstanceCount": 40}


def test_the_host_has_every_role_on_its_storage_before_it_starts(any_graph: Graph) -> None:
    before = closure(any_graph, any_graph.one("web:WebApp"))
    reasons = ("keeps-code-and-locks", "keeps-queues", "keeps-tables", "publishes-telemetry")
    assert {f"authorization:RoleAssignment host-{reason}" for reason in reasons} <= before
    assert {"storage:BlobContainer deployments", "storage:StorageAccount facescode"} <= before


def test_the_hosts_identity_holds_the_roles_that_it_needs(graph: Graph) -> None:
    held = grants(graph, identity(graph, "function"))
    on_storage = {role for role, scope in held if scope == account(graph, "code")}
    assert on_storage == {Role.BLOB_OWNER, Role.QUEUE_CONTRIBUTOR, Role.TABLE_CONTRIBUTOR}
    assert Role.METRICS_PUBLISHER in {role for role, _ in held}
    assert graph.one("insights:Component").inputs["disableLocalAuth"] is True


def test_the_topic_lives_where_its_lake_does(graph: Graph) -> None:
    (lake,) = [each for each in graph.of("storage:StorageAccount") if each.name == "faceslake"]
    assert graph.one("eventgrid:SystemTopic").inputs["location"] == lake.state["location"]


def test_roles_are_granted_to_principals_never_to_client_ids(graph: Graph) -> None:
    clients = {each.state["clientId"] for each in graph.of("managedidentity:UserAssignedIdentity")}
    assert clients
    assert not clients & {each.inputs["principalId"] for each in graph.of("authorization:RoleAssignment")}


def test_a_grant_has_one_name_for_ever_and_another_for_another_principal() -> None:
    name = assignment_name(SCOPE, "p", Role.BLOB_READER)
    assert str(uuid.UUID(name)) == name
    assert name == assignment_name(SCOPE.upper(), "p", Role.BLOB_READER)
    others = {
        assignment_name(SCOPE, "q", Role.BLOB_READER),
        assignment_name(SCOPE, "p", Role.BLOB_OWNER),
        assignment_name(f"{SCOPE}b", "p", Role.BLOB_READER),
    }
    assert len(others - {name}) == 3


def test_images_are_pulled_by_the_identity_that_may(dev: Graph) -> None:
    for kind in ("app:ContainerApp", "app:Job"):
        inputs = dev.one(kind).inputs
        (registry,) = inputs["configuration"]["registries"]
        assert registry["identity"] in inputs["identity"]["userAssignedIdentities"]
        assert not {"username", "passwordSecretRef"} & registry.keys()
    assert dev.one("containerregistry:Registry").inputs["adminUserEnabled"] is False


def test_a_worker_takes_one_job_and_is_not_repeated_by_container_apps() -> None:
    job = graph_of("dev", "tuned").one("app:Job").inputs["configuration"]
    assert (job["replicaTimeout"], job["replicaRetryLimit"]) == (600, 0)
    assert job["eventTriggerConfig"]["parallelism"] == job["eventTriggerConfig"]["replicaCompletionCount"] == 1


def test_a_worker_ends_its_job_before_container_apps_ends_the_worker() -> None:
    job = graph_of("dev", "tuned").one("app:Job").inputs
    (container,) = job["template"]["containers"]
    (seconds,) = (each["value"] for each in container["env"] if each["name"] == "JOB_TIMEOUT_SECONDS")
    assert 0 < int(seconds) <= job["configuration"]["replicaTimeout"] - 60


def test_dead_letters_are_replayed_from_where_they_are_written_to_where_uploads_are_read(graph: Graph) -> None:
    found = Containers.of_outputs(json.dumps(dict(graph.exports)))
    declared = graph.one("eventgrid:SystemTopicEventSubscription").inputs["deadLetterWithResourceIdentity"]
    container = declared["deadLetterDestination"]["blobContainerName"]
    assert found.dead_letters == f"https://{account(graph, 'media')}.blob.core.windows.net/{container}"
    assert found.uploads == f"https://{account(graph, 'lake')}.blob.core.windows.net/raw"


def test_a_grant_for_another_principal_replaces_the_old_one_before_it_is_made(graph: Graph) -> None:
    assert {each.delete_before_replace for each in graph.of("authorization:RoleAssignment")} == {True}


def test_an_environment_has_the_time_that_its_deletion_takes(dev: Graph) -> None:
    assert dev.one("app:ManagedEnvironment").delete_timeout == "30m"


def test_data_is_protected_from_destroy_if_it_is_asked_for(dev: Graph) -> None:
    assert not [r.name for r in dev.resources if r.protect]
    protected = {r.name for r in graph_of("dev", "everything").resources if r.protect}
    assert protected == {"faceslake", "raw", "facesmedia"}


def test_no_versions_are_kept_in_a_hierarchical_namespace_which_has_none(graph: Graph) -> None:
    for properties in graph.of("storage:BlobServiceProperties"):
        assert not properties.inputs.get("isVersioningEnabled")


def test_the_azure_engine_says_that_public_azure_refuses_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", logger=PROGRAM_LOGGER):
        run("ams", preview=True)
    assert "public Azure retired Media Services on 2024-06-30" in caplog.text
