"""Our own Media Services account on Container Apps: an API, and workers scaled by the queue's length."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from stack.media.account import Audience, MediaAccount
from stack.media.api import https_address, make_api
from stack.media.api_application import ApiApplication
from stack.media.container import Need, Shared
from stack.media.environment import make_environment
from stack.media.image import BuiltImage, Image
from stack.media.image_context import build_context
from stack.media.job_events import JobEvents
from stack.media.worker import make_worker
from stack.observability.monitoring import Monitoring
from stack.place import Place
from stack.roles import Role
from stack.settings import SelfHosted, Settings
from stack.storage import Lake, MediaState, MediaStorage
from stack.transform import FaceRedaction

if TYPE_CHECKING:  # a heavy module, loaded only when there is a network
    from stack.network import Network


class SelfHostedMedia(pulumi.ComponentResource):
    """The account's API app and worker job, with their dependencies. The API's settings declare the Transform."""

    account: MediaAccount

    def __init__(
        self,
        name: str,
        place: Place,
        storage: MediaStorage,
        monitoring: Monitoring,
        transform: FaceRedaction,
        settings: SelfHosted,
        *,
        image: Image,
        audience: Audience,
        events: JobEvents,
        authority: str,
        network: "Network | None",
        lake: Lake,
        submitter: pulumi.Output[str],
    ) -> None:
        super().__init__("face-redaction:media:SelfHostedMedia", name)
        state = MediaState("media-state", place, storage)
        account_name = place.compact_name("acct")
        shared = Shared(
            image,
            {
                "MEDIA_SUBSCRIPTION_ID": place.subscription_id,
                "MEDIA_RESOURCE_GROUP": place.group_name,
                "MEDIA_ACCOUNT": account_name,
                "MEDIA_LOCATION": place.location,
                "MEDIA_STORAGE_ID": storage.account_id,
                "RESERVED_CONTAINERS": storage.dead_letters.name,
                "MEDIA_TRANSFORMS": json.dumps({transform.name: transform.properties()}, sort_keys=True),
                "STORAGE_BLOB_ENDPOINT": storage.blob_endpoint,
                "STORAGE_QUEUE_ENDPOINT": storage.queue_endpoint,
                "STORAGE_TABLE_ENDPOINT": storage.table_endpoint,
                "JOBS_QUEUE": state.jobs_queue.name,
                "POISON_QUEUE": state.poison_queue.name,
                "ASSETS_TABLE": state.assets.name,
                "TRANSFORMS_TABLE": state.transforms.name,
                "JOBS_TABLE": state.jobs.name,
                "TOKEN_AUTHORITY": authority,
                "TOKEN_AUDIENCE": audience.accepted,
                "EVENTS_ENDPOINT": events.endpoint,
                "APPLICATIONINSIGHTS_CONNECTION_STRING": monitoring.connection_string,
            },
            needs=[
                Need("publishes-job-events", Role.EVENT_SENDER, events.topic_id),
                Need("publishes-telemetry", Role.METRICS_PUBLISHER, monitoring.insights_id),
            ],
            depends_on=[state, network] if network else [state],
        )
        environment = make_environment(place, monitoring, settings, network, parent=self)
        api = make_api(place, environment, storage, shared, settings, submitter=submitter, parent=self)
        worker = make_worker(
            place, environment, storage, state, shared, settings, lake=lake, network=network, parent=self
        )
        self.account = MediaAccount(
            endpoint=api.configuration.apply(https_address),
            audience=audience.asked_for,
            name=pulumi.Output.from_input(account_name),
            transform=pulumi.Output.from_input(transform.name),
            job_events=events.topic_id,
            ready=[api, worker, *audience.ready],
            image_bill=image.bill,
        )
        self.register_outputs({"endpoint": self.account.endpoint})


def make_self_hosted_media(
    place: Place,
    storage: MediaStorage,
    monitoring: Monitoring,
    transform: FaceRedaction,
    settings: Settings,
    *,
    caller: pulumi.Output[str],
    lake: Lake,
    network: "Network | None",
) -> MediaAccount:
    """Declare the account, with an image and an Entra application unless the settings name them.

    `caller` is the object id of the identity that submits jobs. If the application is given, an administrator of the
    directory must assign its app role Media.ReadWrite to that identity.
    """
    own = settings.self_hosted
    assert own
    if own.image:
        image = Image(pulumi.Output.from_input(own.image))
    else:
        context = build_context(Path(), Path(".cache/image-context"))
        image = BuiltImage("image", place, context, settings.resource_manager).image
    if own.api_audience:
        given = pulumi.Output.from_input(own.api_audience)
        audience = Audience(given, given.apply(lambda uri: f"{uri},{uri.removeprefix('api://')}"))
    else:
        audience = ApiApplication(
            "api-application", place, caller, uploaders=settings.uploaders, reviewers=settings.reviewers
        ).audience
    return SelfHostedMedia(
        "media",
        place,
        storage,
        monitoring,
        transform,
        own,
        image=image,
        audience=audience,
        events=JobEvents("job-events", place, monitoring, network),
        authority=settings.authority,
        network=network,
        lake=lake,
        submitter=caller,
    ).account
