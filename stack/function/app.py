"""The Function App: Flex Consumption, an identity with its roles, and the code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native.authorization import v20220401 as authorization
from pulumi_azure_native.managedidentity import v20241130 as managedidentity
from pulumi_azure_native.web import v20240401 as web

from stack.function.deployment import release
from stack.function.package import FunctionPackage
from stack.media.account import MediaAccount
from stack.observability.monitoring import Monitoring
from stack.place import Place
from stack.roles import Role, grant
from stack.storage import FunctionStorage, Lake

if TYPE_CHECKING:  # a heavy module, loaded only when there is a network
    from stack.network import Network

FUNCTION_NAME = "redact_on_upload"
PYTHON_VERSION = "3.13"  # the version of the package's wheels and bytecode; ARM accepts any, but others do not start


@dataclass(frozen=True)
class Reconciliation:
    """The comparison of uploads with jobs: its interval, and whether to include earlier uploads."""

    minutes: int
    existing: bool

    @property
    def schedule(self) -> str:
        """The schedule in the six fields of a timer trigger, seconds first."""
        return "0 0 * * * *" if self.minutes == 60 else f"0 */{self.minutes} * * * *"


class FunctionApp(pulumi.ComponentResource):
    """The app that submits a job for each upload's event. `function_id` exists once the code is deployed."""

    site_id: pulumi.Output[str]
    host_name: pulumi.Output[str]
    function_id: pulumi.Output[str]
    released: pulumi.Resource

    def __init__(
        self,
        name: str,
        place: Place,
        package: FunctionPackage,
        *,
        identity: managedidentity.UserAssignedIdentity,
        lake: Lake,
        storage: FunctionStorage,
        media: MediaAccount,
        monitoring: Monitoring,
        endings: Sequence[str],
        sas_hours: int,
        reconciliation: Reconciliation,
        memory: int,
        instances: int,
        network: "Network | None",
        resource_manager: str,
        deployer_group: str | None,
    ) -> None:
        # The archive is an input here for people and policies to see. The upload uses its folder and hash.
        super().__init__("face-redaction:function:FunctionApp", name, {"package": package.archive})
        # A host that starts without its roles finds no functions, silently. So the roles come first.
        roles = self._grant_roles(identity, lake, storage, monitoring)
        plan = web.AppServicePlan(
            place.name("plan"),
            resource_group_name=place.group_name,
            location=place.location,
            kind="functionapp",
            reserved=True,
            sku=web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"),
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        settings: dict[str, pulumi.Input[str]] = {
            "AzureWebJobsStorage__accountName": storage.account_name,
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": identity.client_id,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": monitoring.connection_string,
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": pulumi.Output.concat(
                "ClientId=", identity.client_id, ";Authorization=AAD"
            ),
            "AZURE_CLIENT_ID": identity.client_id,
            "LAKE_BLOB_ENDPOINT": lake.blob_endpoint,
            "LAKE_DFS_ENDPOINT": lake.dfs_endpoint,
            "UPLOAD_CONTAINER": lake.uploads.name,
            "UPLOAD_ENDINGS": ",".join(endings),
            "SAS_HOURS": str(sas_hours),
            "RECONCILE_SCHEDULE": reconciliation.schedule,
            "RECONCILE_EXISTING": str(reconciliation.existing).lower(),
            "RECONCILE_STATE": pulumi.Output.concat(storage.blob_endpoint, storage.reconciliation.name),
            "MEDIA_ENDPOINT": media.endpoint,
            "MEDIA_AUDIENCE": media.audience,
            "MEDIA_SUBSCRIPTION_ID": place.subscription_id,
            "MEDIA_RESOURCE_GROUP": place.group_name,
            "MEDIA_ACCOUNT": media.name,
            "MEDIA_TRANSFORM": media.transform,
        }
        site = web.WebApp(
            place.name("function"),
            resource_group_name=place.group_name,
            location=place.location,
            kind="functionapp,linux",
            reserved=True,
            server_farm_id=plan.id,
            https_only=True,
            identity=web.ManagedServiceIdentityArgs(
                type=web.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
            ),
            virtual_network_subnet_id=network.function_subnet_id if network else None,
            function_app_config=web.FunctionAppConfigArgs(
                runtime=web.FunctionsRuntimeArgs(name=web.RuntimeName.PYTHON, version=PYTHON_VERSION),
                scale_and_concurrency=web.FunctionsScaleAndConcurrencyArgs(
                    instance_memory_mb=memory, maximum_instance_count=instances
                ),
                deployment=web.FunctionsDeploymentArgs(
                    storage=web.FunctionsDeploymentStorageArgs(
                        type=web.FunctionsDeploymentStorageType.BLOB_CONTAINER,
                        value=pulumi.Output.concat(storage.blob_endpoint, storage.deployments.name),
                        authentication=web.FunctionsDeploymentAuthenticationArgs(
                            type=web.AuthenticationType.USER_ASSIGNED_IDENTITY,
                            user_assigned_identity_resource_id=identity.id,
                        ),
                    )
                ),
            ),
            # A plain dict: SiteConfigArgs adds netFrameworkVersion, which Flex Consumption refuses. It also refuses
            # ftpsState (azure-cli#31414), since it has no FTP.
            site_config={
                "minTlsVersion": "1.2",
                "http20Enabled": True,
                "appSettings": [{"name": key, "value": value} for key, value in settings.items()],
            },
            tags=place.tags,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*roles, *media.ready, *([network] if network else [])]
            ),
        )
        self.released = release(
            "redact-on-upload",
            place,
            package,
            container_url=pulumi.Output.concat(storage.blob_endpoint, storage.releases.name),
            container_id=storage.releases.id,
            account_id=storage.account_id,
            app_name=site.name,
            app_id=site.id,
            function=FUNCTION_NAME,
            resource_manager=resource_manager,
            deployer_group=deployer_group,
            parent=self,
        )
        self.site_id = site.id
        self.host_name = site.default_host_name
        self.function_id = pulumi.Output.concat(site.id, "/functions/", FUNCTION_NAME)
        self.register_outputs({"host_name": self.host_name})

    def _grant_roles(
        self,
        identity: managedidentity.UserAssignedIdentity,
        lake: Lake,
        storage: FunctionStorage,
        monitoring: Monitoring,
    ) -> list[authorization.RoleAssignment]:
        wanted = [
            ("host-keeps-code-and-locks", Role.BLOB_OWNER, storage.account_id),
            ("host-keeps-queues", Role.QUEUE_CONTRIBUTOR, storage.account_id),
            ("host-keeps-tables", Role.TABLE_CONTRIBUTOR, storage.account_id),
            ("host-publishes-telemetry", Role.METRICS_PUBLISHER, monitoring.insights_id),
            ("function-signs-links", Role.BLOB_DELEGATOR, lake.account_id),
            ("function-reads-uploads", Role.BLOB_READER, lake.uploads.id),
        ]
        return [
            grant(reason, role, scope=scope, principal_id=identity.principal_id, parent=self)
            for reason, role, scope in wanted
        ]
