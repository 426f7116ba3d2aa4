"""Events of uploads: the lake's system topic, and the function's subscription to it."""

import pulumi
from pulumi_azure_native.eventgrid import v20250215 as eventgrid

from stack.adoption import adopted, group_of, name_of
from stack.place import Place
from stack.roles import Role, grant
from stack.storage import Lake, MediaStorage

# The operations that finish an upload. CreateFile (dfs endpoint) and SftpCreate come before, with an empty file.
# Renames give a finished file, or those of a folder, a name that counts.
_UPLOAD_CALLS = [
    *("FlushWithClose", "PutBlob", "PutBlockList", "CopyBlob", "SftpCommit"),
    *("RenameFile", "RenameDirectory", "SftpRename"),
]
_UPLOAD_EVENTS = [f"Microsoft.Storage.{kind}" for kind in ("BlobCreated", "BlobRenamed", "DirectoryRenamed")]


class UploadEvents(pulumi.ComponentResource):
    """A system topic on the lake, and its subscription for finished uploads to the container.

    The function selects names by their endings, so that it can log the uploads that it passes over. A lake can have
    only one system topic. `existing` is the ARM id of the one it has, if any.
    """

    def __init__(
        self,
        name: str,
        place: Place,
        *,
        lake: Lake,
        dead_letters: MediaStorage,
        function_id: pulumi.Output[str],
        released: pulumi.Resource,
        attempts: int,
        minutes: int,
        existing: str | None,
    ) -> None:
        super().__init__("face-redaction:events:UploadEvents", name)
        group = group_of(existing) if existing else place.group_name
        topic = eventgrid.SystemTopic(
            place.name("uploads"),
            system_topic_name=name_of(existing) if existing else None,
            resource_group_name=group,
            location=lake.location,  # a topic is in its source's region
            source=lake.account_id,
            topic_type="Microsoft.Storage.StorageAccounts",
            identity=eventgrid.IdentityInfoArgs(type=eventgrid.IdentityType.SYSTEM_ASSIGNED),
            tags=place.tags,
            opts=adopted(existing, pulumi.ResourceOptions(parent=self)),
        )
        may_dead_letter = grant(
            "topic-writes-dead-letters",
            Role.BLOB_CONTRIBUTOR,
            scope=dead_letters.dead_letters.id,
            principal_id=topic.identity.apply(_principal),
            parent=self,
        )
        eventgrid.SystemTopicEventSubscription(
            "redact-uploads",
            event_subscription_name="redact-uploads",
            system_topic_name=topic.name,
            resource_group_name=group,
            event_delivery_schema=eventgrid.EventDeliverySchema.EVENT_GRID_SCHEMA,
            destination=eventgrid.AzureFunctionEventSubscriptionDestinationArgs(
                endpoint_type="AzureFunction",
                resource_id=function_id,
                max_events_per_batch=1,
                preferred_batch_size_in_kilobytes=64,
            ),
            filter=eventgrid.EventSubscriptionFilterArgs(
                included_event_types=_UPLOAD_EVENTS,
                # the slash at the end excludes containers whose names begin alike
                subject_begins_with=lake.uploads.name.apply(
                    lambda container: f"/blobServices/default/containers/{container}/"
                ),
                # Not by length: a rename has none, that of a commit by SFTP or of a copy's begin can be 0. The function
                # looks at the blob itself.
                advanced_filters=[
                    eventgrid.StringInAdvancedFilterArgs(
                        operator_type="StringIn", key="data.api", values=_UPLOAD_CALLS
                    ),
                ],
            ),
            retry_policy=eventgrid.RetryPolicyArgs(
                max_delivery_attempts=attempts, event_time_to_live_in_minutes=minutes
            ),
            dead_letter_with_resource_identity=eventgrid.DeadLetterWithResourceIdentityArgs(
                identity=eventgrid.EventSubscriptionIdentityArgs(
                    type=eventgrid.EventSubscriptionIdentityType.SYSTEM_ASSIGNED
                ),
                dead_letter_destination=eventgrid.StorageBlobDeadLetterDestinationArgs(
                    endpoint_type="StorageBlob",
                    resource_id=dead_letters.account_id,
                    blob_container_name=dead_letters.dead_letters.name,
                ),
            ),
            # Azure refuses a destination without its function, and a dead-letter container that it cannot write
            opts=pulumi.ResourceOptions(parent=self, depends_on=[released, may_dead_letter]),
        )
        self.topic_id = topic.id
        self.register_outputs({"topic_id": topic.id})


def _principal(identity: eventgrid.outputs.IdentityInfoResponse | None) -> str:
    if identity is None or identity.principal_id is None:
        raise pulumi.RunError(
            "the system topic has no system-assigned identity, which writes its dead letters: turn it on"
        )
    return identity.principal_id
