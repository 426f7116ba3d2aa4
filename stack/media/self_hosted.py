"""Our own Media Services account on Container Apps: an API, and workers that the queue's length starts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi
from pulumi_azure_native.app import v20250101 as app
from pulumi_azure_native.authorization import v20220401 as authorization
from pulumi_azure_native.managedidentity import v20241130 as managedidentity

from stack.identity import managed_identity
from stack.media.account import Audience, MediaAccount
from stack.media.api_application import ApiApplication
from stack.media.image import BuiltImage, Image
from stack.media.image_context import build_context
from stack.media.job_events import JobEvents
from stack.observability.diagnostics import send_logs
from stack.observability.monitoring import Monitoring
from stack.place import Place
from stack.roles import Role, grant
from stack.settings import SelfHosted, Settings
from stack.storage import Lake, MediaState, MediaStorage
from stack.transform import FaceRedaction

if TYPE_CHECKING:  # a heavy module, loaded only when there is a network
    from stack.network import Network

API_PORT = 8000
# A worker renews its lease on a message all the time; one that stops doing so loses its job after this long.
LEASE_SECONDS = 60
type _Need = tuple[str, Role, pulumi.Output[str]]  # why, what, and on which resource


@dataclass(frozen=True)
class _Process:
    """What one of the two containers runs, with the identity and the roles that it works with."""

    name: str
    arguments: list[str]
    identity: managedidentity.UserAssignedIdentity
    roles: list[authorization.RoleAssignment]


class SelfHostedMedia(pulumi.ComponentResource):
    """The account's API app and worker job, with what they need to run. The Transform is declared to the API."""

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
        self._place, self._storage, self._settings = place, storage, settings
        self._monitoring, self._events = monitoring, events
        self._image, self._network = image, network
        self._lake, self._submitter = lake, submitter
        self._state = MediaState("media-state", place, storage)
        account_name = place.compact_name("acct")
        self._shared_env: dict[str, pulumi.Input[str]] = {
            "MEDIA_SUBSCRIPTION_ID": place.subscription_id,
            "MEDIA_RESOURCE_GROUP": place.group_name,
            "MEDIA_ACCOUNT": account_name,
            "MEDIA_LOCATION": place.location,
            "MEDIA_STORAGE_ID": storage.account_id,
            "MEDIA_TRANSFORMS": json.dumps({transform.name: transform.properties()}, sort_keys=True),
            "STORAGE_BLOB_ENDPOINT": storage.blob_endpoint,
            "STORAGE_QUEUE_ENDPOINT": storage.queue_endpoint,
            "STORAGE_TABLE_ENDPOINT": storage.table_endpoint,
            "JOBS_QUEUE": self._state.jobs_queue.name,
            "POISON_QUEUE": self._state.poison_queue.name,
            "ASSETS_TABLE": self._state.assets.name,
            "TRANSFORMS_TABLE": self._state.transforms.name,
            "JOBS_TABLE": self._state.jobs.name,
            "TOKEN_AUTHORITY": authority,
            "TOKEN_AUDIENCE": audience.accepted,
            "EVENTS_ENDPOINT": events.endpoint,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": monitoring.connection_string,
        }
        environment = self._environment()
        api = self._api(environment)
        worker = self._worker(environment)
        self.account = MediaAccount(
            endpoint=api.configuration.apply(_https_address),
            audience=audience.asked_for,
            name=pulumi.Output.from_input(account_name),
            transform=pulumi.Output.from_input(transform.name),
            job_events=events.topic_id,
            ready=[api, worker, *audience.ready],
        )
        self.register_outputs({"endpoint": self.account.endpoint})

    def _environment(self) -> app.ManagedEnvironment:
        environment = app.ManagedEnvironment(
            self._place.name("env"),
            resource_group_name=self._place.group_name,
            location=self._place.location,
            # by diagnostic setting, since the direct way to the workspace wants its shared key
            app_logs_configuration=app.AppLogsConfigurationArgs(destination="azure-monitor"),
            workload_profiles=self._workload_profiles(),
            vnet_configuration=app.VnetConfigurationArgs(infrastructure_subnet_id=self._network.containers_subnet_id)
            if self._network
            else None,
            tags=self._place.tags,
            # Azure takes 5 to 13 minutes to delete one
            opts=pulumi.ResourceOptions(parent=self, custom_timeouts=pulumi.CustomTimeouts(create="30m", delete="30m")),
        )
        send_logs("environment-logs", environment.id, self._monitoring.workspace_id, parent=self)
        return environment

    def _workload_profiles(self) -> list[app.WorkloadProfileArgs]:
        profiles = [app.WorkloadProfileArgs(name="Consumption", workload_profile_type="Consumption")]
        if (size := self._settings.worker_profile) != "Consumption":
            profiles.append(
                app.WorkloadProfileArgs(
                    name=size, workload_profile_type=size, minimum_count=0, maximum_count=self._settings.worker_limit
                )
            )
        return profiles

    def _process(
        self, name: str, roles: Mapping[str, Role], *options: str, elsewhere: Sequence[_Need] = ()
    ) -> _Process:
        """`roles` are those that it needs on the storage."""
        identity = managed_identity(name, self._place, parent=self)
        wanted = [
            *((reason, role, self._storage.account_id) for reason, role in roles.items()),
            *elsewhere,
            ("publishes-job-events", Role.EVENT_SENDER, self._events.topic_id),
            ("publishes-telemetry", Role.METRICS_PUBLISHER, self._monitoring.insights_id),
        ]
        if self._image.registry:
            wanted.append(("pulls-image", Role.ACR_PULL, self._image.registry.registry_id))
        grants = [
            grant(f"{name}-{reason}", role, scope=scope, principal_id=identity.principal_id, parent=self)
            for reason, role, scope in wanted
        ]
        return _Process(name, [name, *options], identity, grants)

    def _registries(self, process: _Process) -> list[app.RegistryCredentialsArgs]:
        if not self._image.registry:
            return []
        return [app.RegistryCredentialsArgs(server=self._image.registry.server, identity=process.identity.id)]

    def _options(self, process: _Process) -> pulumi.ResourceOptions:
        reachable = [self._network] if self._network else []
        return pulumi.ResourceOptions(parent=self, depends_on=[*process.roles, self._state, *reachable])

    def _container(
        self,
        process: _Process,
        env: Mapping[str, pulumi.Input[str]],
        resources: app.ContainerResourcesArgs,
        probes: list[app.ContainerAppProbeArgs] | None = None,
    ) -> app.ContainerArgs:
        env = {
            "AZURE_CLIENT_ID": process.identity.client_id,
            "TOKEN_TENANT_ID": process.identity.tenant_id,
            **self._shared_env,
            **env,
        }
        return app.ContainerArgs(
            name=process.name,
            image=self._image.reference,
            command=["python", "-m", "mediaservice", *process.arguments],
            env=[app.EnvironmentVarArgs(name=key, value=value) for key, value in env.items()],
            resources=resources,
            probes=probes,
        )

    def _api(self, environment: app.ManagedEnvironment) -> app.ContainerApp:
        process = self._process(
            "api",
            {
                "makes-assets": Role.BLOB_CONTRIBUTOR,
                "keeps-jobs": Role.TABLE_CONTRIBUTOR,
                "queues-work": Role.QUEUE_SENDER,
                "counts-work": Role.QUEUE_READER,
            },
        )
        alive = app.ContainerAppProbeHttpGetArgs(path="/healthz", port=API_PORT)
        ready = app.ContainerAppProbeHttpGetArgs(path="/readyz", port=API_PORT)
        return app.ContainerApp(
            self._place.name("api"),
            resource_group_name=self._place.group_name,
            location=self._place.location,
            environment_id=environment.id,
            workload_profile_name="Consumption",
            identity=_user_assigned(process.identity),
            configuration=app.ConfigurationArgs(
                active_revisions_mode=app.ActiveRevisionsMode.SINGLE,
                registries=self._registries(process),
                ingress=app.IngressArgs(
                    external=True,
                    target_port=API_PORT,
                    transport=app.IngressTransportMethod.HTTP,
                    allow_insecure=False,
                ),
            ),
            template=app.TemplateArgs(
                containers=[
                    self._container(
                        process,
                        {"PORT": str(API_PORT), "LAKE_SUBMITTER": self._submitter},
                        app.ContainerResourcesArgs(cpu=0.5, memory="1Gi"),
                        [
                            app.ContainerAppProbeArgs(type=app.Type.STARTUP, http_get=alive),
                            # without storage it gets no requests, but a restart would not help
                            app.ContainerAppProbeArgs(type=app.Type.READINESS, http_get=ready, timeout_seconds=5),
                            app.ContainerAppProbeArgs(type=app.Type.LIVENESS, http_get=alive),
                        ],
                    )
                ],
                scale=app.ScaleArgs(
                    min_replicas=1,  # one that is always there answers the function within Event Grid's 30 s
                    max_replicas=self._settings.api_replicas,
                    rules=[
                        app.ScaleRuleArgs(
                            name="requests",
                            http=app.HttpScaleRuleArgs(metadata={"concurrentRequests": "50"}),
                        )
                    ],
                ),
            ),
            tags=self._place.tags,
            opts=self._options(process),
        )

    def _worker(self, environment: app.ManagedEnvironment) -> app.Job:
        process = self._process(
            "worker",
            {
                "publishes-videos": Role.BLOB_CONTRIBUTOR,
                "advances-jobs": Role.TABLE_CONTRIBUTOR,
                # renewing a message's lease needs the right to write messages, not only to process them
                "takes-work": Role.QUEUE_CONTRIBUTOR,
            },
            # one job an execution, so that `workerMinutes` is a job's own and no video meets another one's remains
            "--once",
            # uploads whose links have ended before their turn
            elsewhere=[("reads-uploads", Role.BLOB_READER, self._lake.uploads.id)],
        )
        cpu = self._settings.worker_cpu
        # Inputs come from public addresses only, but in a private network the lake's is none.
        inputs = {"INPUT_HOSTS": self._lake.blob_endpoint.apply(_host)} if self._network else {}
        return app.Job(
            self._place.name("worker"),
            resource_group_name=self._place.group_name,
            location=self._place.location,
            environment_id=environment.id,
            workload_profile_name=self._settings.worker_profile,
            identity=_user_assigned(process.identity),
            configuration=app.JobConfigurationArgs(
                trigger_type=app.TriggerType.EVENT,
                registries=self._registries(process),
                replica_timeout=self._settings.worker_minutes * 60,
                replica_retry_limit=0,  # the queue hands a dead worker's message to the next one
                event_trigger_config=app.JobConfigurationEventTriggerConfigArgs(
                    parallelism=1,
                    replica_completion_count=1,
                    scale=app.JobScaleArgs(
                        min_executions=0,
                        max_executions=self._settings.worker_limit,
                        polling_interval=10,
                        rules=[
                            app.JobScaleRuleArgs(
                                name="jobs-waiting",
                                type="azure-queue",
                                identity=process.identity.id,
                                metadata={
                                    "accountName": self._storage.account_name,
                                    "queueName": self._state.jobs_queue.name,
                                    "queueLength": "1",
                                    # KEDA takes off every execution that runs. With `visibleonly`, which leaves out the
                                    # messages that these hold, a long video would make a short one wait.
                                    "queueLengthStrategy": "all",
                                },
                            )
                        ],
                    ),
                ),
            ),
            template=app.JobTemplateArgs(
                containers=[
                    self._container(
                        process,
                        {
                            "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
                            "JOB_MAX_ATTEMPTS": str(self._settings.job_attempts),
                            "LAKE_UPLOADS": pulumi.Output.concat(self._lake.blob_endpoint, self._lake.uploads.name),
                            "WORKER_DISK_BYTES": str(disk_bytes(cpu)),
                            **inputs,
                        },
                        app.ContainerResourcesArgs(cpu=cpu, memory=f"{cpu * 2:g}Gi"),
                    )
                ]
            ),
            tags=self._place.tags,
            opts=self._options(process),
        )


def disk_bytes(cpu: float) -> int:
    """A replica's ephemeral storage, which Azure evicts it for filling.

    Source: learn.microsoft.com, "Use storage mounts in Azure Container Apps".
    """
    return next(gib for cores, gib in ((0.5, 2), (1, 4), (4, 8)) if cpu <= cores) * 2**30


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""


def _user_assigned(identity: managedidentity.UserAssignedIdentity) -> app.ManagedServiceIdentityArgs:
    return app.ManagedServiceIdentityArgs(
        type=app.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
    )


def _https_address(configuration: app.outputs.ConfigurationResponse | None) -> str:
    """The API's address, from what Azure answers of its ingress."""
    ingress = configuration.ingress if configuration else None
    if ingress is None:
        raise ValueError("the API app came back without an ingress")
    return f"https://{ingress.fqdn}"


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
    """The account with what it stands on: an image and an Entra application, given by the settings or made.

    `caller` is the object id of the identity that submits jobs. With an application that is given, its app role
    Media.ReadWrite must be assigned to that identity by whoever administers the directory.
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
        audience = ApiApplication("api-application", place, caller).audience
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
