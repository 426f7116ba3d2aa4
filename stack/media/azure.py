"""Azure Media Services, as in the 2021 quickstart. The only file that imports `media`.

Public Azure retired the face presets on 2023-09-14 and the service on 2024-06-30.
"""

import pulumi
from pulumi_azure_native.managedidentity import v20241130 as managedidentity
from pulumi_azure_native.media import v20220701 as media_transforms
from pulumi_azure_native.media import v20230101 as media

from stack.identity import managed_identity
from stack.media.account import MediaAccount
from stack.place import Place
from stack.roles import Role, grant
from stack.storage import MediaStorage
from stack.transform import PRESET_TYPE, FaceRedaction


class AzureMedia(pulumi.ComponentResource):
    """A Media Services account with its Transform. `caller` may submit jobs to it."""

    account: MediaAccount

    def __init__(
        self,
        name: str,
        place: Place,
        storage: MediaStorage,
        transform: FaceRedaction,
        *,
        resource_manager: str,
        caller: managedidentity.UserAssignedIdentity,
    ) -> None:
        super().__init__("face-redaction:media:AzureMedia", name)
        options = pulumi.ResourceOptions(parent=self)
        pulumi.warn(
            "engine 'azure': public Azure retired Media Services on 2024-06-30 and refuses new accounts; "
            "use engine 'selfHosted' there",
        )
        # The account's creation checks its access to the storage, before its system-assigned identity has a role. So
        # it accesses the storage with an identity that exists beforehand.
        reader = managed_identity("media", place, parent=self)
        access = grant(
            "media-keeps-assets",
            Role.BLOB_CONTRIBUTOR,
            scope=storage.account_id,
            principal_id=reader.principal_id,
            parent=self,
        )
        account = media.MediaService(
            place.compact_name("acct"),
            resource_group_name=place.group_name,
            location=place.location,
            identity=media.MediaServiceIdentityArgs(
                type="SystemAssigned,UserAssigned", user_assigned_identities=[reader.id]
            ),
            storage_accounts=[
                media.StorageAccountArgs(
                    id=storage.account_id,
                    type=media.StorageAccountType.PRIMARY,
                    identity=media.ResourceIdentityArgs(
                        use_system_assigned_identity=False, user_assigned_identity=reader.id
                    ),
                )
            ],
            storage_authentication=media.StorageAuthentication.MANAGED_IDENTITY,
            minimum_tls_version=media.MinimumTlsVersion.TLS12,
            public_network_access=media.PublicNetworkAccess.ENABLED,
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[access]),
        )
        faceredact = media_transforms.Transform(
            transform.name,
            transform_name=transform.name,
            account_name=account.name,
            resource_group_name=place.group_name,
            description=transform.description,
            outputs=[
                media_transforms.TransformOutputArgs(
                    on_error=transform.on_error,
                    relative_priority=transform.relative_priority,
                    preset=media_transforms.FaceDetectorPresetArgs(
                        odata_type=PRESET_TYPE,
                        mode=transform.mode,
                        blur_type=transform.blur_type.value,
                        resolution=transform.resolution.value,
                        experimental_options=transform.experimental_options,
                    ),
                )
            ],
            opts=options,
        )
        submit = grant(
            "function-submits-jobs",
            Role.MEDIA_OPERATOR,
            scope=account.id,
            principal_id=caller.principal_id,
            parent=self,
        )
        self.account = MediaAccount(
            endpoint=pulumi.Output.from_input(resource_manager),
            audience=pulumi.Output.from_input(resource_manager),
            name=account.name,
            transform=faceredact.name,
            job_events=account.id,
            ready=[faceredact, submit],
        )
        self.register_outputs({"account": account.name, "transform": faceredact.name})
