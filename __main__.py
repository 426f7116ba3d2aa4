"""Event-based face redaction: a video uploaded to the lake comes back with its faces blurred."""

from pathlib import Path

import pulumi

from stack.events import UploadEvents
from stack.function import FUNCTION_NAME, FunctionApp
from stack.identity import managed_identity
from stack.monitoring import Monitoring
from stack.package import build_package
from stack.place import make_place
from stack.portal import portal_link
from stack.retries import retry_what_azure_is_not_ready_for
from stack.settings import read_settings
from stack.storage import FunctionStorage, Lake, MediaStorage
from stack.transform import FaceRedaction

settings = read_settings(pulumi.Config(), pulumi.Config("azure-native").get("location"))
package = build_package(Path("function"), Path(".cache/function-package"))
transform = FaceRedaction(settings.blur_type, settings.resolution)

retry_what_azure_is_not_ready_for()
place = make_place(settings)
monitoring = Monitoring("monitoring", place, settings.log_days)
lake = Lake("lake", place, settings.upload_container)
media_storage = MediaStorage("media-storage", place)
function_identity = managed_identity("function", place)

if settings.self_hosted:
    from stack.self_hosted_media import make_self_hosted_media

    media = make_self_hosted_media(
        place, media_storage, monitoring, transform, settings, caller=function_identity.principal_id
    )
else:
    from stack.azure_media import AzureMedia

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
    memory=settings.function_memory,
    instances=settings.function_instances,
)
events = UploadEvents(
    "upload-events",
    place,
    lake=lake,
    dead_letters=media_storage,
    function_id=function.function_id,
    released=function.released,
    endings=settings.upload_endings,
    attempts=settings.event_attempts,
    minutes=settings.event_minutes,
)

pulumi.export("uploadTo", pulumi.Output.concat(lake.blob_endpoint, lake.uploads.name))
pulumi.export("resultsIn", media_storage.blob_endpoint)
pulumi.export("functionApp", function.host_name)
pulumi.export("function", FUNCTION_NAME)
pulumi.export("mediaEndpoint", media.endpoint)
pulumi.export("mediaAccount", media.name)
pulumi.export("transform", media.transform)
pulumi.export("resourceGroup", place.group_name)
pulumi.export(
    "dashboards",
    {
        "resources": portal_link(place.group_id),
        "function": portal_link(function.site_id),
        "logs": portal_link(monitoring.insights_id),
        "events": portal_link(events.topic_id),
    },
)
