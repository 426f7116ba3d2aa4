"""The media service's workers: a container job scaled by the queue's length."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi
from pulumi_azure_native.app import v20250101 as app

from stack.media.container import Need, Process, Shared
from stack.place import Place
from stack.roles import Role
from stack.settings import SelfHosted
from stack.storage import Lake, MediaState, MediaStorage

if TYPE_CHECKING:  # a heavy module, loaded only when there is a network
    from stack.network import Network

# Workers renew their leases regularly. One that stops renewing loses its job after this time.
LEASE_SECONDS = 60
# A worker ends a job that takes too long, with a reason, this long before Container Apps would end the worker.
LAST_SECONDS = 120


def make_worker(
    place: Place,
    environment: app.ManagedEnvironment,
    storage: MediaStorage,
    state: MediaState,
    shared: Shared,
    settings: SelfHosted,
    *,
    lake: Lake,
    network: "Network | None",
    parent: pulumi.Resource,
) -> app.Job:
    """Declare the job. It reads uploads from `lake`."""
    process = Process(
        "worker",
        place,
        shared,
        # one job per execution, so that `workerMinutes` applies to a job and no video meets files of another
        "--once",
        needs=[
            Need("publishes-videos", Role.BLOB_CONTRIBUTOR, storage.account_id),
            Need("advances-jobs", Role.TABLE_CONTRIBUTOR, storage.account_id),
            # renewing a message's lease requires writing messages, not only processing them
            Need("takes-work", Role.QUEUE_CONTRIBUTOR, storage.account_id),
            # uploads whose links have expired before their turn
            Need("reads-uploads", Role.BLOB_READER, lake.uploads.id),
        ],
        parent=parent,
    )
    cpu = settings.worker_cpu
    # Inputs may come from public addresses only, and in a private network the lake's is not public.
    inputs = {"INPUT_HOSTS": lake.blob_endpoint.apply(_host)} if network else {}
    return app.Job(
        place.name("worker"),
        resource_group_name=place.group_name,
        location=place.location,
        environment_id=environment.id,
        workload_profile_name=settings.worker_profile,
        identity=process.assigned,
        configuration=app.JobConfigurationArgs(
            trigger_type=app.TriggerType.EVENT,
            registries=process.registries,
            replica_timeout=settings.worker_minutes * 60,
            replica_retry_limit=0,  # the queue gives a dead worker's message to the next one
            event_trigger_config=app.JobConfigurationEventTriggerConfigArgs(
                parallelism=1,
                replica_completion_count=1,
                scale=app.JobScaleArgs(
                    min_executions=0,
                    max_executions=settings.worker_limit,
                    polling_interval=10,
                    rules=[_scale_rule(process, storage, state)],
                ),
            ),
        ),
        template=app.JobTemplateArgs(
            containers=[
                process.container(
                    {
                        "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
                        "JOB_MAX_ATTEMPTS": str(settings.job_attempts),
                        "JOB_TIMEOUT_SECONDS": str(settings.worker_minutes * 60 - LAST_SECONDS),
                        "LAKE_UPLOADS": pulumi.Output.concat(lake.blob_endpoint, lake.uploads.name),
                        "WORKER_DISK_BYTES": str(disk_bytes(cpu)),
                        **inputs,
                    },
                    app.ContainerResourcesArgs(cpu=cpu, memory=f"{cpu * 2:g}Gi"),
                )
            ]
        ),
        tags=place.tags,
        opts=process.options,
    )


def _scale_rule(process: Process, storage: MediaStorage, state: MediaState) -> app.JobScaleRuleArgs:
    return app.JobScaleRuleArgs(
        name="jobs-waiting",
        type="azure-queue",
        identity=process.identity.id,
        metadata={
            "accountName": storage.account_name,
            "queueName": state.jobs_queue.name,
            "queueLength": "1",
            # KEDA subtracts the running executions. With `visibleonly`, which excludes the messages
            # that they hold, a long video would make a short one wait.
            "queueLengthStrategy": "all",
        },
    )


def disk_bytes(cpu: float) -> int:
    """Return a replica's ephemeral storage. Azure evicts a replica that fills it.

    Source: learn.microsoft.com, "Use storage mounts in Azure Container Apps".
    """
    return next(gib for cores, gib in ((0.5, 2), (1, 4), (4, 8)) if cpu <= cores) * 2**30


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""
