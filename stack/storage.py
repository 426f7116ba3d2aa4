"""Storage accounts: the lake, the media service's, and the function app's.

All of them accept Entra tokens only. They have no shared keys and no public blobs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native.storage import v20240101 as storage

from stack.adoption import adopted, group_of, name_of
from stack.place import Place

RESULTS_ARE_KEPT = (
    "face-redaction:resultDays is not set: results are kept for ever, and cost more from month to month than redaction "
    "does; `pulumi config set resultDays 90` deletes them after 90 days, 0 keeps them and ends this warning"
)


@dataclass(frozen=True)
class Retention:
    """Retention of videos: deleted after `days` (0: never), and recoverable for `recover_days` after that.

    `protect` protects them from `pulumi destroy`, and `private` from access outside the virtual network.
    """

    days: int
    recover_days: int
    protect: bool
    private: bool


def _account(
    name: str,
    place: Place,
    parent: pulumi.Resource,
    *,
    hierarchical: bool = False,
    retention: Retention | None = None,
    existing: str | None = None,
) -> storage.StorageAccount:
    options = pulumi.ResourceOptions(parent=parent, protect=bool(retention and retention.protect))
    outside = storage.DefaultAction.DENY if retention and retention.private else storage.DefaultAction.ALLOW
    return storage.StorageAccount(
        name,
        account_name=name_of(existing) if existing else None,
        resource_group_name=group_of(existing) if existing else place.group_name,
        location=place.location,
        kind=storage.Kind.STORAGE_V2,
        sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
        is_hns_enabled=hierarchical,
        allow_shared_key_access=False,
        allow_blob_public_access=False,
        allow_cross_tenant_replication=False,
        default_to_o_auth_authentication=True,
        enable_https_traffic_only=True,
        minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
        # Event Grid accesses the account through this bypass, whatever the default action
        network_rule_set=storage.NetworkRuleSetArgs(
            bypass=storage.Bypass.AZURE_SERVICES,
            default_action=outside,
        ),
        tags=place.tags,
        opts=adopted(existing, options),
    )


def _retain(
    name: str,
    place: Place,
    account: storage.StorageAccount,
    prefixes: Sequence[str],
    retention: Retention,
    parent: pulumi.Resource,
) -> storage.BlobServiceProperties:
    """Declare soft delete for the account's blobs and containers, and the expiry of blobs below `prefixes`."""
    recover = storage.DeleteRetentionPolicyArgs(enabled=retention.recover_days > 0, days=retention.recover_days or None)
    properties = storage.BlobServiceProperties(
        f"{name}-recovery",
        blob_services_name="default",
        account_name=account.name,
        resource_group_name=place.group_name,
        delete_retention_policy=recover,
        container_delete_retention_policy=recover,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    if retention.days:
        age = storage.DateAfterModificationArgs(days_after_modification_greater_than=retention.days)
        storage.ManagementPolicy(
            f"{name}-lifecycle",
            management_policy_name="default",
            account_name=account.name,
            resource_group_name=place.group_name,
            policy=storage.ManagementPolicySchemaArgs(
                rules=[
                    storage.ManagementPolicyRuleArgs(
                        name="delete-old-videos",
                        type=storage.RuleType.LIFECYCLE,
                        enabled=True,
                        definition=storage.ManagementPolicyDefinitionArgs(
                            filters=storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"], prefix_match=prefixes),
                            actions=storage.ManagementPolicyActionArgs(
                                base_blob=storage.ManagementPolicyBaseBlobArgs(delete=age)
                            ),
                        ),
                    )
                ]
            ),
            opts=pulumi.ResourceOptions(parent=parent),
        )
    return properties


def _container(
    name: str,
    place: Place,
    account: storage.StorageAccount,
    parent: pulumi.Resource,
    *,
    protect: bool = False,
    lake: str | None = None,
) -> storage.BlobContainer:
    existing = f"{lake}/blobServices/default/containers/{name}" if lake else None
    return storage.BlobContainer(
        name,
        container_name=name,
        account_name=account.name,
        resource_group_name=group_of(lake) if lake else place.group_name,
        public_access=storage.PublicAccess.NONE,
        opts=adopted(existing, pulumi.ResourceOptions(parent=parent, protect=protect)),
    )


class Lake(pulumi.ComponentResource):
    """The ADLS Gen2 account for uploads, created or adopted by its ARM id `existing`.

    `blobs_id` is None for an adopted account, whose retention and logs are its owner's decision.
    """

    location: pulumi.Output[str]
    account_id: pulumi.Output[str]
    account_name: pulumi.Output[str]
    blob_endpoint: pulumi.Output[str]
    dfs_endpoint: pulumi.Output[str]
    blobs_id: pulumi.Output[str] | None = None
    uploads: storage.BlobContainer

    def __init__(
        self, name: str, place: Place, upload_container: str, retention: Retention, existing: str | None = None
    ) -> None:
        super().__init__("face-redaction:storage:Lake", name)
        account = _account(
            place.compact_name("lake"), place, self, hierarchical=True, retention=retention, existing=existing
        )
        self.location = account.location
        self.account_id = account.id
        self.account_name = account.name
        self.blob_endpoint = account.primary_endpoints.blob
        self.dfs_endpoint = account.primary_endpoints.dfs
        self.uploads = _container(upload_container, place, account, self, protect=retention.protect, lake=existing)
        if not existing:
            self.blobs_id = _retain("lake", place, account, [f"{upload_container}/"], retention, self).id
        self.register_outputs({"blob_endpoint": self.blob_endpoint, "dfs_endpoint": self.dfs_endpoint})


class MediaStorage(pulumi.ComponentResource):
    """The media service's account: a blob container per asset, and the dead letters of the lake's events.

    The account has no hierarchical namespace, as Media Services requires of its primary account.
    """

    account_id: pulumi.Output[str]
    account_name: pulumi.Output[str]
    blob_endpoint: pulumi.Output[str]
    queue_endpoint: pulumi.Output[str]
    table_endpoint: pulumi.Output[str]
    blobs_id: pulumi.Output[str]
    dead_letters: storage.BlobContainer

    def __init__(self, name: str, place: Place, retention: Retention) -> None:
        super().__init__("face-redaction:storage:MediaStorage", name)
        account = _account(place.compact_name("media"), place, self, retention=retention)
        self.account_id = account.id
        self.account_name = account.name
        self.blob_endpoint = account.primary_endpoints.blob
        self.queue_endpoint = account.primary_endpoints.queue
        self.table_endpoint = account.primary_endpoints.table
        self.dead_letters = _container("dead-letters", place, account, self)
        self.blobs_id = _retain("media", place, account, ["asset-", "dead-letters/"], retention, self).id
        self.register_outputs({"blob_endpoint": self.blob_endpoint})


class MediaState(pulumi.ComponentResource):
    """The self-hosted media service's state in its storage account: tables of entities, queues of work."""

    jobs_queue: storage.Queue
    poison_queue: storage.Queue
    assets: storage.Table
    transforms: storage.Table
    jobs: storage.Table

    def __init__(self, name: str, place: Place, media_storage: MediaStorage) -> None:
        super().__init__("face-redaction:storage:MediaState", name)
        options = pulumi.ResourceOptions(parent=self)

        def queue(queue_name: str) -> storage.Queue:
            return storage.Queue(
                queue_name,
                queue_name=queue_name,
                account_name=media_storage.account_name,
                resource_group_name=place.group_name,
                opts=options,
            )

        def table(table_name: str) -> storage.Table:
            return storage.Table(
                table_name,
                table_name=table_name,
                account_name=media_storage.account_name,
                resource_group_name=place.group_name,
                opts=options,
            )

        self.jobs_queue = queue("redaction-jobs")
        self.poison_queue = queue("redaction-jobs-poison")
        self.assets = table("assets")
        self.transforms = table("transforms")
        self.jobs = table("jobs")
        self.register_outputs({"jobs_queue": self.jobs_queue.name})


class FunctionStorage(pulumi.ComponentResource):
    """The function app's small account, for the host's state and the deployed code."""

    account_id: pulumi.Output[str]
    account_name: pulumi.Output[str]
    blob_endpoint: pulumi.Output[str]
    releases: storage.BlobContainer
    deployments: storage.BlobContainer
    reconciliation: storage.BlobContainer

    def __init__(self, name: str, place: Place) -> None:
        super().__init__("face-redaction:storage:FunctionStorage", name)
        account = _account(place.compact_name("code"), place, self)
        self.account_id = account.id
        self.account_name = account.name
        self.blob_endpoint = account.primary_endpoints.blob
        self.releases = _container("releases", place, account, self)  # this program's uploads of packages
        self.deployments = _container("deployments", place, account, self)  # One Deploy's copies of packages
        self.reconciliation = _container("reconciliation", place, account, self)  # the reconciliation's progress
        self.register_outputs({"blob_endpoint": self.blob_endpoint})
