"""Properties of the graph, for either engine."""

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from local.events.filter import EventFilter
from local.graph.program import Graph, Resource
from stack.function.app import Reconciliation
from stack.function.package import FunctionPackage
from stack.media.worker import disk_bytes
from stack.roles import Role
from tests.stack.conftest import PROGRAM, graph_of, graph_with


def closure(graph: Graph, resource: Resource) -> set[str]:
    """Return all resources that must exist before `resource`, as `kind name`."""
    by_urn = {each.urn: each for each in graph.resources}
    found: set[str] = set()
    waiting = list(resource.depends_on)
    while waiting:
        each = by_urn.get(waiting.pop())
        if each and f"{each.kind} {each.name}" not in found:
            found.add(f"{each.kind} {each.name}")
            waiting += each.depends_on
    return found


def grants(graph: Graph, principal_id: str) -> set[tuple[Role, str]]:
    """Return each role of a principal, with the last part of its scope."""
    return {
        (Role(each.inputs["roleDefinitionId"].rsplit("/", 1)[-1]), each.inputs["scope"].rsplit("/", 1)[-1])
        for each in graph.of("authorization:RoleAssignment")
        if each.inputs["principalId"] == principal_id
    }


def identity(graph: Graph, part: str) -> str:
    found = [r for r in graph.of("managedidentity:UserAssignedIdentity") if r.name == f"faces-{part}-identity"]
    return str(found[0].state["principalId"])


def account(graph: Graph, part: str) -> str:
    found = [r for r in graph.of("storage:StorageAccount") if r.name == f"faces{part}"]
    return str(found[0].state["name"])


def settings_of(resource: Resource) -> dict[str, str]:
    """Return a container's environment."""
    (container,) = resource.inputs["template"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def test_every_storage_account_takes_tokens_only_over_tls(graph: Graph) -> None:
    accounts = graph.of("storage:StorageAccount")
    assert {a.name for a in accounts} == {"faceslake", "facesmedia", "facescode"}
    for each in accounts:
        assert each.inputs["allowSharedKeyAccess"] is False
        assert each.inputs["allowBlobPublicAccess"] is False
        assert each.inputs["enableHttpsTrafficOnly"] is True
        assert each.inputs["minimumTlsVersion"] == "TLS1_2"
        assert each.inputs["networkRuleSet"]["bypass"] == "AzureServices"


def test_only_the_lake_has_a_hierarchical_namespace(graph: Graph) -> None:
    assert {a.name: a.inputs["isHnsEnabled"] for a in graph.of("storage:StorageAccount")} == {
        "faceslake": True,
        "facesmedia": False,
        "facescode": False,
    }


def test_only_finished_uploads_of_the_container_reach_the_function(graph: Graph) -> None:
    declared = graph.one("eventgrid:SystemTopicEventSubscription").inputs["filter"]
    kinds = {kind.removeprefix("Microsoft.Storage.") for kind in declared["includedEventTypes"]}
    assert kinds == {"BlobCreated", "BlobRenamed", "DirectoryRenamed"}
    assert declared["subjectBeginsWith"] == "/blobServices/default/containers/raw/"
    assert "subjectEndsWith" not in declared  # the function judges endings, and says what it passes over
    (calls,) = declared["advancedFilters"]
    assert (calls["key"], calls["operatorType"]) == ("data.api", "StringIn")
    created = {"FlushWithClose", "PutBlob", "PutBlockList", "CopyBlob", "SftpCommit"}
    assert set(calls["values"]) == created | {"RenameFile", "RenameDirectory", "SftpRename"}


@pytest.mark.parametrize(
    ("kind", "data", "wanted"),
    [
        ("BlobCreated", {"api": "PutBlob", "contentLength": 5}, True),
        ("BlobCreated", {"api": "FlushWithClose", "contentLength": 5}, True),
        ("BlobCreated", {"api": "SftpCommit", "contentLength": 0}, True),
        ("BlobCreated", {"api": "CopyBlob", "contentLength": 0}, True),
        ("BlobRenamed", {"api": "RenameFile"}, True),
        ("BlobRenamed", {"api": "SftpRename"}, True),
        ("BlobCreated", {"api": "CreateFile", "contentLength": 0}, False),
        ("BlobCreated", {"api": "SftpCreate", "contentLength": 0}, False),
        ("BlobDeleted", {"api": "DeleteBlob", "contentLength": 5}, False),
        ("DirectoryRenamed", {"api": "RenameDirectory"}, True),
        ("DirectoryRenamed", {"api": "SftpRename"}, True),
        ("DirectoryCreated", {"api": "CreateDirectory"}, False),
    ],
)
def test_the_subscription_wants_every_event_that_can_finish_an_upload(
    graph: Graph, kind: str, data: dict[str, Any], *, wanted: bool
) -> None:
    declared = EventFilter.declared(graph.one("eventgrid:SystemTopicEventSubscription").inputs["filter"])
    subject = "/blobServices/default/containers/raw/blobs/party.mp4"
    event = {"eventType": f"Microsoft.Storage.{kind}", "subject": subject, "data": data}
    assert declared.admits(event) is wanted


@pytest.mark.parametrize(("minutes", "schedule"), [(5, "0 */5 * * * *"), (15, "0 */15 * * * *"), (60, "0 0 * * * *")])
def test_the_reconciliation_runs_at_fixed_minutes_of_the_hour(minutes: int, schedule: str) -> None:
    assert Reconciliation(minutes, existing=False).schedule == schedule


def test_the_reconciliation_keeps_its_progress_in_a_container_of_the_functions_own_account(graph: Graph) -> None:
    settings = {each["name"]: each["value"] for each in graph.one("web:WebApp").inputs["siteConfig"]["appSettings"]}
    code = next(a for a in graph.of("storage:StorageAccount") if a.name == "facescode")
    assert settings["RECONCILE_STATE"] == f"{code.state['primaryEndpoints']['blob']}reconciliation"
    assert (settings["RECONCILE_SCHEDULE"], settings["RECONCILE_EXISTING"]) == ("0 */15 * * * *", "false")
    assert settings["UPLOAD_ENDINGS"].split(",")[0] == ".mp4"


def test_undeliverable_events_are_dead_lettered_by_the_topics_own_identity(graph: Graph) -> None:
    subscription = graph.one("eventgrid:SystemTopicEventSubscription").inputs
    topic = graph.one("eventgrid:SystemTopic")
    assert subscription["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
    dead_letter = subscription["deadLetterWithResourceIdentity"]
    assert dead_letter["identity"]["type"] == "SystemAssigned"
    assert dead_letter["deadLetterDestination"]["blobContainerName"] == "dead-letters"
    assert grants(graph, topic.state["identity"]["principalId"]) == {(Role.BLOB_CONTRIBUTOR, "dead-letters")}


def test_the_subscription_waits_for_the_code_and_for_its_dead_letter_role(any_graph: Graph) -> None:
    before = closure(any_graph, any_graph.one("eventgrid:SystemTopicEventSubscription"))
    assert "resources:Deployment redact-on-upload" in before
    assert "pulumi-python:dynamic/release:ListedFunction redact-on-upload-listed" in before
    assert "pulumi-python:dynamic/release:UploadedPackage released-package.zip" in before
    assert "authorization:RoleAssignment topic-writes-dead-letters" in before
    assert "web:WebApp faces-function" in before


def test_the_app_waits_for_its_roles_and_for_the_transform(any_graph: Graph) -> None:
    before = closure(any_graph, any_graph.one("web:WebApp"))
    assert {
        "authorization:RoleAssignment host-keeps-code-and-locks",
        "authorization:RoleAssignment function-signs-links",
        "authorization:RoleAssignment function-reads-uploads",
    } <= before
    assert {"app:ContainerApp faces-api", "media:Transform faceredact"} & before


def test_the_subscription_names_the_function_of_the_app(graph: Graph) -> None:
    destination = graph.one("eventgrid:SystemTopicEventSubscription").inputs["destination"]
    assert destination["endpointType"] == "AzureFunction"
    assert destination["resourceId"] == f"{graph.one('web:WebApp').id}/functions/redact_on_upload"


def test_the_function_may_read_uploads_sign_links_and_nothing_else_of_the_lake(graph: Graph) -> None:
    held = grants(graph, identity(graph, "function"))
    assert {g for g in held if g[1] in {account(graph, "lake"), "raw"}} == {
        (Role.BLOB_DELEGATOR, account(graph, "lake")),
        (Role.BLOB_READER, "raw"),
    }
    assert not {g for g in held if g[1] == account(graph, "media")}


def test_the_self_hosted_processes_hold_what_each_needs_on_the_media_storage(dev: Graph) -> None:
    media = account(dev, "media")
    both = {
        (Role.EVENT_SENDER, str(dev.one("eventgrid:Topic").state["name"])),
        (Role.METRICS_PUBLISHER, str(dev.one("insights:Component").state["name"])),
        (Role.ACR_PULL, str(dev.one("containerregistry:Registry").state["name"])),
    }
    assert grants(dev, identity(dev, "api")) == {
        (Role.BLOB_CONTRIBUTOR, media),
        (Role.TABLE_CONTRIBUTOR, media),
        (Role.QUEUE_SENDER, media),
        (Role.QUEUE_READER, media),
        *both,
    }
    assert grants(dev, identity(dev, "worker")) == {
        (Role.BLOB_CONTRIBUTOR, media),
        (Role.TABLE_CONTRIBUTOR, media),
        (Role.QUEUE_CONTRIBUTOR, media),
        (Role.BLOB_READER, "raw"),
        *both,
    }


def test_a_worker_knows_the_uploads_that_it_may_read_and_the_api_whose_jobs_these_are(dev: Graph) -> None:
    lake = next(a for a in dev.of("storage:StorageAccount") if a.name == "faceslake")
    endpoint = lake.state["primaryEndpoints"]["blob"]
    assert settings_of(dev.one("app:Job"))["LAKE_UPLOADS"] == f"{endpoint}raw"
    assert settings_of(dev.one("app:ContainerApp"))["LAKE_SUBMITTER"] == identity(dev, "function")


@pytest.mark.parametrize(("cpu", "gib"), [(0.5, 2), (0.75, 4), (1, 4), (1.25, 8), (2, 8), (4, 8)])
def test_a_worker_knows_the_disk_that_comes_with_its_cores(cpu: float, gib: int) -> None:
    assert disk_bytes(cpu) == gib * 2**30


def test_both_processes_publish_job_events_to_a_topic_that_takes_tokens_only(dev: Graph) -> None:
    topic = dev.one("eventgrid:Topic")
    assert topic.inputs["disableLocalAuth"] is True
    assert topic.inputs["minimumTlsVersionAllowed"] == "1.2"
    assert (topic.inputs["inputSchema"], topic.inputs["publicNetworkAccess"]) == ("EventGridSchema", "Enabled")
    for part, kind in (("api", "app:ContainerApp"), ("worker", "app:Job")):
        (container,) = dev.one(kind).inputs["template"]["containers"]
        settings = {each["name"]: each["value"] for each in container["env"]}
        assert settings["EVENTS_ENDPOINT"] == topic.state["endpoint"]
        component = dev.one("insights:Component").state
        assert settings["APPLICATIONINSIGHTS_CONNECTION_STRING"] == component["connectionString"]
        assert f"authorization:RoleAssignment {part}-publishes-job-events" in closure(dev, dev.one(kind))


def test_every_grant_has_its_own_name_and_names_the_principals_type(graph: Graph) -> None:
    assignments = graph.of("authorization:RoleAssignment")
    names = [each.inputs["roleAssignmentName"] for each in assignments]
    assert len(set(names)) == len(names)
    types = {each.name: each.inputs["principalType"] for each in assignments}
    assert {types.pop("deployer-uploads-code"), types.pop("deployer-signs-link")} == {"User"}
    assert set(types.values()) == {"ServicePrincipal"}


def test_workers_are_started_by_all_messages_through_their_identity(dev: Graph) -> None:
    job = dev.one("app:Job").inputs
    (rule,) = job["configuration"]["eventTriggerConfig"]["scale"]["rules"]
    assert rule["type"] == "azure-queue"
    assert rule["identity"] in job["identity"]["userAssignedIdentities"]
    assert rule["metadata"] == {
        "accountName": account(dev, "media"),
        "queueName": "redaction-jobs",
        "queueLength": "1",
        "queueLengthStrategy": "all",
    }
    assert job["configuration"]["replicaTimeout"] == 720 * 60


def test_both_engines_get_the_same_transform(dev: Graph, ams: Graph) -> None:
    (container,) = dev.one("app:ContainerApp").inputs["template"]["containers"]
    declared = next(each["value"] for each in container["env"] if each["name"] == "MEDIA_TRANSFORMS")
    transform = ams.one("media:Transform").inputs
    (output,) = transform["outputs"]
    preset = dict(output["preset"])
    preset["@odata.type"] = preset.pop("odataType")
    assert json.loads(declared) == {
        "faceredact": {"description": transform["description"], "outputs": [{**output, "preset": preset}]}
    }
    assert preset == {
        "@odata.type": "#Microsoft.Media.FaceDetectorPreset",
        "mode": "Combined",
        "blurType": "High",
        "resolution": "SourceResolution",
    }
    assert (output["onError"], output["relativePriority"]) == ("StopProcessingJob", "Normal")


def test_more_care_is_asked_for_in_the_transform() -> None:
    (container,) = graph_of("dev", "tuned").one("app:ContainerApp").inputs["template"]["containers"]
    declared = next(each["value"] for each in container["env"] if each["name"] == "MEDIA_TRANSFORMS")
    (output,) = json.loads(declared)["faceredact"]["outputs"]
    asked = {"quality": "accurate", "verify": "true", "damaged": "salvage"}
    assert output["preset"]["experimentalOptions"] == asked
    (output,) = graph_with("ams", quality="accurate").one("media:Transform").inputs["outputs"]
    assert output["preset"]["experimentalOptions"] == {"quality": "accurate"}


def test_the_media_account_reaches_its_storage_with_an_identity_that_has_its_role_already(ams: Graph) -> None:
    media = ams.one("media:MediaService")
    assert "SystemAssigned" in media.inputs["identity"]["type"]
    assert media.inputs["storageAuthentication"] == "ManagedIdentity"
    (storage,) = media.inputs["storageAccounts"]
    assert storage["identity"]["userAssignedIdentity"] in media.inputs["identity"]["userAssignedIdentities"]
    assert "authorization:RoleAssignment media-keeps-assets" in closure(ams, media)


def test_the_app_runs_on_flex_consumption_with_identity_based_storage(graph: Graph) -> None:
    site = graph.one("web:WebApp").inputs
    settings = {each["name"]: each["value"] for each in site["siteConfig"]["appSettings"]}
    assert graph.one("web:AppServicePlan").inputs["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert site["functionAppConfig"]["runtime"] == {"name": "python", "version": "3.13"}
    assert site["identity"]["type"] == "UserAssigned"
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert settings["AzureWebJobsStorage__accountName"] == account(graph, "code")
    refused = {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE"}
    assert not refused & settings.keys()
    assert "netFrameworkVersion" not in site["siteConfig"]


def test_the_code_is_deployed_again_when_the_packages_hash_changes(graph: Graph) -> None:
    package = next(r for r in graph.resources if r.name == "released-package.zip")
    parameters = graph.one("resources:Deployment").inputs["properties"]["parameters"]
    assert parameters["packageSha256"]["value"] == package.inputs["sha256"]
    assert package.inputs["url"].endswith("/releases/released-package.zip")


def test_the_archive_holds_the_function_and_its_dependencies(graph: Graph) -> None:
    package = next(r for r in graph.resources if r.name == "released-package.zip").inputs
    files = FunctionPackage.at(PROGRAM / package["directory"], package["sha256"]).files
    archive = graph.one("face-redaction:function:FunctionApp").inputs["package"]
    assert isinstance(archive, pulumi.AssetArchive)
    assert tuple(sorted(archive.assets)) == files
    assert {"function_app.py", "host.json"} <= set(files)
    vendored = {name.split("/")[3] for name in files if name.startswith(".python_packages/lib/site-packages/")}
    assert "azure" in vendored
    assert any(name.endswith(".pyc") for name in files)
    assert not [name for name in files if "local.settings" in name or name.startswith("tests/")]


def test_an_api_without_storage_gets_no_requests_and_is_not_restarted(dev: Graph) -> None:
    (container,) = dev.one("app:ContainerApp").inputs["template"]["containers"]
    paths = {probe["type"]: probe["httpGet"]["path"] for probe in container["probes"]}
    assert paths == {"Startup": "/healthz", "Liveness": "/healthz", "Readiness": "/readyz"}


def test_an_execution_of_the_worker_does_one_job(dev: Graph) -> None:
    (container,) = dev.one("app:Job").inputs["template"]["containers"]
    assert container["command"] == ["python", "-m", "mediaservice", "worker", "--once"]


def test_no_secret_stands_in_inputs_or_outputs(graph: Graph) -> None:
    said = [*texts(dict(graph.exports))]
    for resource in graph.resources:
        said += texts(dict(resource.inputs))
    for text in said:
        assert "AccountKey=" not in text
        assert "sig=" not in text
        assert "client_secret" not in text.lower()
        assert "SharedAccessKey" not in text


def test_outputs_say_where_to_upload_and_where_results_are(graph: Graph) -> None:
    exports = graph.exports
    assert exports["uploadTo"] == f"https://{account(graph, 'lake')}.blob.core.windows.net/raw"
    assert exports["resultsIn"] == f"https://{account(graph, 'media')}.blob.core.windows.net/"
    assert exports["uploadAccount"] == account(graph, "lake")
    assert exports["uploadContainer"] == "raw"
    assert exports["resultAccount"] == account(graph, "media")
    settings = {each["name"]: each["value"] for each in graph.one("web:WebApp").inputs["siteConfig"]["appSettings"]}
    assert exports["mediaAudience"] == settings["MEDIA_AUDIENCE"]
    assert exports["subscription"] == settings["MEDIA_SUBSCRIPTION_ID"]
    assert exports["transform"] == "faceredact"
    assert exports["function"] == "redact_on_upload"
    assert exports["mediaEndpoint"].startswith("https://")
    (source,) = [*graph.of("eventgrid:Topic"), *graph.of("media:MediaService")]
    assert exports["jobEvents"] == source.id
    assert set(exports["dashboards"]) == {"overview", "resources", "function", "logs", "events"}


def test_a_preview_on_an_empty_state_declares_everything(
    dev: Graph, ams: Graph, dev_preview: Graph, ams_preview: Graph
) -> None:
    for whole, preview in ((dev, dev_preview), (ams, ams_preview)):
        assert {(r.kind, r.name) for r in preview.resources} == {(r.kind, r.name) for r in whole.resources}


def test_data_is_kept_for_ever_and_recoverable_unless_settings_say_otherwise(graph: Graph) -> None:
    assert not graph.of("storage:ManagementPolicy")
    for properties in graph.of("storage:BlobServiceProperties"):
        assert properties.inputs["deleteRetentionPolicy"] == {"enabled": True, "days": 7}


def test_old_uploads_and_results_are_deleted_each_after_its_time() -> None:
    graph = graph_of("dev", "tuned")
    rules: dict[str, int] = {}
    for policy in graph.of("storage:ManagementPolicy"):
        (rule,) = policy.inputs["policy"]["rules"]
        days = rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
        rules |= dict.fromkeys(rule["definition"]["filters"]["prefixMatch"], days)
    assert rules == {"raw/": 30, "asset-": 10, "dead-letters/": 10}
    assert {p.inputs["deleteRetentionPolicy"]["enabled"] for p in graph.of("storage:BlobServiceProperties")} == {False}


def test_alerts_are_sent_by_mail_if_there_is_an_address(dev: Graph) -> None:
    wrong = ("failed-jobs", "stuck-queue", "api-down", "long-backlog", "links-about-to-end")
    rules = {f"faces-{name}" for name in ("dead-letters", "trigger-failures", "refused-uploads", *wrong)}
    assert {rule.name for rule in dev.of("insights:ScheduledQueryRule")} == rules
    assert not dev.of("insights:ActionGroup")
    mailed = graph_of("dev", "everything")
    group = mailed.one("insights:ActionGroup")
    assert group.inputs["emailReceivers"][0]["emailAddress"] == "operator@example.com"
    assert {rule.inputs["actions"]["actionGroups"][0] for rule in mailed.of("insights:ScheduledQueryRule")} == {
        group.id
    }


def test_the_page_in_the_portal_shows_uploads_jobs_queue_and_speed(dev: Graph) -> None:
    (items,) = [json.loads(w.inputs["serializedData"])["items"] for w in dev.of("insights:Workbook")]
    titles = [item["content"]["title"] for item in items if item["type"] == 3]
    assert {"Uploads an hour", "Failed jobs", "Frames redacted per second"} < set(titles)
    assert {item["content"]["timeContextFromParameter"] for item in items if item["type"] == 3} == {"Period"}
    assert dev.exports["dashboards"]["overview"].endswith("/workbook")
