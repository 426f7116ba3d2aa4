"""The media service's API: a container app with public ingress."""

import pulumi
from pulumi_azure_native.app import v20250101 as app

from stack.media.container import Need, Process, Shared
from stack.place import Place
from stack.roles import Role
from stack.settings import SelfHosted
from stack.storage import MediaStorage

API_PORT = 8000


def make_api(
    place: Place,
    environment: app.ManagedEnvironment,
    storage: MediaStorage,
    shared: Shared,
    settings: SelfHosted,
    *,
    submitter: pulumi.Output[str],
    parent: pulumi.Resource,
) -> app.ContainerApp:
    """Declare the app. `submitter` is the object id of the identity that submits jobs for uploads."""
    process = Process(
        "api",
        place,
        shared,
        needs=[
            Need("makes-assets", Role.BLOB_CONTRIBUTOR, storage.account_id),
            Need("keeps-jobs", Role.TABLE_CONTRIBUTOR, storage.account_id),
            Need("queues-work", Role.QUEUE_SENDER, storage.account_id),
            Need("counts-work", Role.QUEUE_READER, storage.account_id),
        ],
        parent=parent,
    )
    return app.ContainerApp(
        place.name("api"),
        resource_group_name=place.group_name,
        location=place.location,
        environment_id=environment.id,
        workload_profile_name="Consumption",
        identity=process.assigned,
        configuration=app.ConfigurationArgs(
            active_revisions_mode=app.ActiveRevisionsMode.SINGLE,
            registries=process.registries,
            ingress=app.IngressArgs(
                external=True,
                target_port=API_PORT,
                transport=app.IngressTransportMethod.HTTP,
                allow_insecure=False,
            ),
        ),
        template=app.TemplateArgs(
            containers=[
                process.container(
                    {"PORT": str(API_PORT), "LAKE_SUBMITTER": submitter},
                    app.ContainerResourcesArgs(cpu=0.5, memory="1Gi"),
                    _probes(),
                )
            ],
            scale=app.ScaleArgs(
                min_replicas=1,  # a running one answers the function within Event Grid's 30 s
                max_replicas=settings.api_replicas,
                rules=[
                    app.ScaleRuleArgs(
                        name="requests",
                        http=app.HttpScaleRuleArgs(metadata={"concurrentRequests": "50"}),
                    )
                ],
            ),
        ),
        tags=place.tags,
        opts=process.options,
    )


def _probes() -> list[app.ContainerAppProbeArgs]:
    alive = app.ContainerAppProbeHttpGetArgs(path="/healthz", port=API_PORT)
    ready = app.ContainerAppProbeHttpGetArgs(path="/readyz", port=API_PORT)
    return [
        app.ContainerAppProbeArgs(type=app.Type.STARTUP, http_get=alive),
        # without storage it receives no requests, but a restart would not help
        app.ContainerAppProbeArgs(type=app.Type.READINESS, http_get=ready, timeout_seconds=5),
        app.ContainerAppProbeArgs(type=app.Type.LIVENESS, http_get=alive),
    ]


def https_address(configuration: app.outputs.ConfigurationResponse | None) -> str:
    """Return the API's address, from the ingress in Azure's answer."""
    ingress = configuration.ingress if configuration else None
    if ingress is None:
        raise ValueError("the API app came back without an ingress")
    return f"https://{ingress.fqdn}"
