"""Event-based face redaction: a video uploaded to the lake comes back with its faces blurred."""

from pathlib import Path

import pulumi

from stack.bill_of_materials import Deployed, bill_of_materials
from stack.configuration import configured_keys
from stack.events import UploadEvents
from stack.function.app import FUNCTION_NAME, FunctionApp, Reconciliation
from stack.function.package import build_package
from stack.identity import managed_identity
from stack.observability.alerts import Alerts, OwnService
from stack.observability.diagnostics import send_logs
from stack.observability.monitoring import Monitoring
from stack.observability.portal import portal_link
from stack.observability.workbook import Dashboard
from stack.people import People
from stack.place import make_place
from stack.retries import retry_transient_failures
from stack.settings import read_settings
from stack.storage import RESULTS_ARE_KEPT, FunctionStorage, Lake, MediaStorage, Retention
from stack.transform import FaceRedaction

settings = read_settings(
    pulumi.Config(), pulumi.Config("azure-native").get("location"), configured_keys(pulumi.get_project())
)
if settings.result_days is None:
    pulumi.warn(RESULTS_ARE_KEPT)
package = build_package(Path("function"), Path(".cache/function-package"))
bill = bill_of_materials(
    Deployed("face-redaction-function", package.sha256, Path("function/requirements.lock")), Path(".cache/bills")
)
transform = FaceRedaction(settings.blur_type, settings.resolution, settings.quality, settings.verify, settings.damaged)

retry_transient_failures()
place = make_place(settings)
monitoring = Monitoring("monitoring", place, settings.log_days)
lake = Lake(
    "lake",
    place,
    settings.upload_container,
    Retention(settings.upload_days, settings.recover_days, settings.protect_data, settings.private_network),
    settings.lake_account,
)
media_storage = MediaStorage(
    "media-storage",
    place,
    Retention(settings.result_days or 0, settings.recover_days, settings.protect_data, settings.private_network),
)
network = None
if settings.private_network:
    from stack.network import Network

    network = Network("network", place, settings.network_range)
    network.connect("lake", lake.account_id, lake.blob_endpoint, ["blob", "dfs"])
    network.connect("media", media_storage.account_id, media_storage.blob_endpoint, ["blob", "queue", "table"])
People("people", uploaders=settings.uploaders, reviewers=settings.reviewers, lake=lake, results=media_storage)
function_identity = managed_identity("function", place)

if settings.self_hosted:
    from stack.media.self_hosted import make_self_hosted_media

    media = make_self_hosted_media(
        place,
        media_storage,
        monitoring,
        transform,
        settings,
        caller=function_identity.principal_id,
        lake=lake,
        network=network,
    )
else:
    from stack.media.azure import AzureMedia

    media = AzureMedia(
        "media",
        place,
        media_storage,
        transform,
        resource_manager=settings.resource_manager,
        caller=function_identity,
    ).account

function = FunctionApp(
    "function",
    place,
    package,
    identity=function_identity,
    lake=lake,
    storage=FunctionStorage("function-storage", place),
    media=media,
    monitoring=monitoring,
    sas_hours=settings.sas_hours,
    endings=settings.upload_endings,
    reconciliation=Reconciliation(settings.reconcile_minutes, settings.reconcile_existing),
    memory=settings.function_memory,
    instances=settings.function_instances,
    network=network,
    resource_manager=settings.resource_manager,
    deployer_group=settings.deployer_group,
)
events = UploadEvents(
    "upload-events",
    place,
    lake=lake,
    dead_letters=media_storage,
    function_id=function.function_id,
    released=function.released,
    attempts=settings.event_attempts,
    minutes=settings.event_minutes,
    existing=settings.system_topic,
)
writes = ["StorageWrite", "StorageDelete"]
if lake.blobs_id:
    send_logs("upload-logs", lake.blobs_id, monitoring.workspace_id, parent=lake, categories=writes)
send_logs("result-logs", media_storage.blobs_id, monitoring.workspace_id, parent=media_storage, categories=writes)
send_logs("delivery-logs", events.topic_id, monitoring.workspace_id, parent=events)
own = settings.self_hosted
own_service = OwnService(own.worker_limit, settings.sas_hours) if own else None
Alerts("alerts", place, monitoring, email=settings.alert_email, service=own_service)
if settings.monthly_budget and settings.alert_email:
    from stack.observability.budget import make_budget

    make_budget(place, settings.monthly_budget, settings.alert_email)
dashboard = Dashboard(
    "dashboard",
    place,
    monitoring,
    lake=lake.account_name,
    container=settings.upload_container,
    worker_cpu=own.worker_cpu if own else 0,
)

pulumi.export("uploadTo", pulumi.Output.concat(lake.blob_endpoint, lake.uploads.name))
pulumi.export("uploadAccount", lake.account_name)
pulumi.export("uploadContainer", lake.uploads.name)
pulumi.export("resultsIn", media_storage.blob_endpoint)
pulumi.export("resultAccount", media_storage.account_name)
pulumi.export("functionApp", function.host_name)
pulumi.export("function", FUNCTION_NAME)
pulumi.export("mediaEndpoint", media.endpoint)
pulumi.export("mediaAudience", media.audience)
pulumi.export("mediaAccount", media.name)
pulumi.export("transform", media.transform)
pulumi.export("jobEvents", media.job_events)
pulumi.export("subscription", place.subscription_id)
pulumi.export("resourceGroup", place.group_name)
pulumi.export("billsOfMaterials", {"function": bill, **({"image": media.image_bill} if media.image_bill else {})})
pulumi.export(
    "dashboards",
    {
        "overview": portal_link(dashboard.workbook_id, "workbook"),
        "resources": portal_link(place.group_id),
        "function": portal_link(function.site_id),
        "logs": portal_link(monitoring.insights_id),
        "events": portal_link(events.topic_id),
    },
)
