"""The service as its containers run it: real processes, real Azurite, https, the real SDK."""

import contextlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from azure.core.credentials import AccessToken
from azure.data.tables import TableServiceClient
from azure.mgmt.media import AzureMediaServices
from azure.mgmt.media.models import Asset, Job, JobInputHttp, JobOutputAsset
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from azure.storage.queue import QueueClient, QueueServiceClient

from local.host import processes
from local.host.certificates import Certificates
from local.host.ports import free_port
from local.services.azurite import Azurite
from local.services.entra import Entra
from local.services.ingress import Ingress

ACCOUNT_NAME = "media1"
AUDIENCE = "api://media"
CLIENT_ID = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"
GROUP = "Faces"
FACEREDACT = {
    "description": "Transform for FaceRedaction Analyzer",
    "outputs": [
        {
            "onError": "StopProcessingJob",
            "relativePriority": "Normal",
            "preset": {
                "@odata.type": "#Microsoft.Media.FaceDetectorPreset",
                "mode": "Combined",
                "blurType": "High",
            },
        }
    ],
}


@dataclass(frozen=True)
class Deployment:
    """One service account's worth of state with names of its own, and the environment of its processes."""

    environment: dict[str, str]
    storage: Azurite
    certificates: Certificates
    folder: Path
    code: Path = Path(__file__).parents[2]  # where its processes find mediaservice

    def with_environment(self, **more: str) -> "Deployment":
        return replace(self, environment=self.environment | more)

    @property
    def blobs(self) -> BlobServiceClient:
        return BlobServiceClient(
            self.storage.endpoints[ACCOUNT_NAME].blob.rstrip("/"),
            credential=self.storage.account_key(ACCOUNT_NAME),
            initial_backoff=1,
            increment_base=2,
        )

    @property
    def queues(self) -> QueueServiceClient:
        return QueueServiceClient(
            self.storage.endpoints[ACCOUNT_NAME].queue.rstrip("/"),
            credential=self.storage.account_key(ACCOUNT_NAME),
            initial_backoff=1,
            increment_base=2,
        )

    @property
    def tables(self) -> TableServiceClient:
        return TableServiceClient(
            self.storage.endpoints[ACCOUNT_NAME].table.rstrip("/"), credential=self.storage.account_key(ACCOUNT_NAME)
        )

    def start(self, command: str, *options: str) -> processes.Process:
        return processes.start(
            command,
            [sys.executable, "-m", "mediaservice", command, *options],
            environment=self.environment,
            log=self.folder / f"{command}-{uuid.uuid4().hex[:6]}.log",
            folder=self.code,
        )


def deployed(azurite: Azurite, entra: Entra, certificates: Certificates, folder: Path) -> Deployment:
    """With the queues and tables that the graph makes, under names that no other deployment has."""
    suffix = uuid.uuid4().hex[:8]
    endpoints = azurite.endpoints[ACCOUNT_NAME]
    deployment = Deployment(
        environment={
            "PATH": os.defpath,
            "PORT": str(free_port()),
            "AZURE_CLIENT_ID": CLIENT_ID,
            "MEDIA_SUBSCRIPTION_ID": SUBSCRIPTION,
            "MEDIA_RESOURCE_GROUP": GROUP,
            "MEDIA_ACCOUNT": f"faces{suffix}",
            "MEDIA_LOCATION": "westeurope",
            "MEDIA_STORAGE_ID": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
            f"/providers/Microsoft.Storage/storageAccounts/{ACCOUNT_NAME}",
            "RESERVED_CONTAINERS": "dead-letters",
            "MEDIA_TRANSFORMS": json.dumps({"faceredact": FACEREDACT}),
            "STORAGE_BLOB_ENDPOINT": endpoints.blob,
            "STORAGE_QUEUE_ENDPOINT": endpoints.queue,
            "STORAGE_TABLE_ENDPOINT": endpoints.table,
            "JOBS_QUEUE": f"jobs-{suffix}",
            "POISON_QUEUE": f"poison-{suffix}",
            "ASSETS_TABLE": f"assets{suffix}",
            "TRANSFORMS_TABLE": f"transforms{suffix}",
            "JOBS_TABLE": f"jobs{suffix}",
            "TOKEN_AUTHORITY": entra.authority,
            "TOKEN_TENANT_ID": entra.tenant_id,
            "TOKEN_AUDIENCE": AUDIENCE,
            "LAKE_SUBMITTER": entra.developer_id,
            **entra.environment(CLIENT_ID),
            **certificates.environment,
        },
        storage=azurite,
        certificates=certificates,
        folder=folder,
    )
    with deployment.queues as queues:
        for name in ("JOBS_QUEUE", "POISON_QUEUE"):
            queues.create_queue(deployment.environment[name])
    with deployment.tables as tables:
        for name in ("ASSETS_TABLE", "TRANSFORMS_TABLE", "JOBS_TABLE"):
            tables.create_table(deployment.environment[name])
    return deployment


@dataclass(frozen=True)
class Service:
    """A running API behind TLS, and how to talk to it."""

    deployment: Deployment
    url: str
    entra: Entra
    process: processes.Process
    http: httpx.Client = field(repr=False)

    @property
    def path(self) -> str:
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
        return f"{group}/providers/Microsoft.Media/mediaServices/{self.account}"

    @property
    def account(self) -> str:
        return self.deployment.environment["MEDIA_ACCOUNT"]

    def client(self) -> AzureMediaServices:
        return AzureMediaServices(
            _Credential(self.entra),
            SUBSCRIPTION,
            base_url=self.url,
            credential_scopes=[f"{AUDIENCE}/.default"],
        )

    def token(self, principal: str | None = None) -> str:
        return self.entra.token(AUDIENCE, principal or self.entra.developer_id, CLIENT_ID)[0]


class _Credential:
    def __init__(self, entra: Entra) -> None:
        self._credential = entra.credential()

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return self._credential.get_token(*scopes)


@contextlib.contextmanager
def serving(deployment: Deployment, entra: Entra) -> Iterator[Service]:
    with (
        deployment.start("api") as process,
        Ingress(int(deployment.environment["PORT"]), deployment.certificates) as tls,
        httpx.Client(base_url=tls.url, verify=deployment.certificates.client_context, timeout=30) as http,
    ):
        running = Service(deployment, tls.url, entra, process, http)
        process.until(lambda: http.get("/healthz").status_code == 200, 60)
        yield running


@dataclass(frozen=True)
class Pipeline:
    """A service whose queue holds this test's jobs only, and a stand-in for the engine that obeys its input."""

    service: Service
    deployment: Deployment  # of its workers
    media: AzureMediaServices
    folder: Path

    def submit(
        self,
        name: str,
        content: bytes | Mapping[str, object],
        file: str = "clip.mp4",
        priority: str = "Normal",
        address: Callable[[str], str] = str,
        transform: str = "faceredact",
    ) -> str:
        """A job on an uploaded file, by another `address` if need be; gives the output asset's container."""
        blob = address(self.upload(content, file))
        job = Job(input=JobInputHttp(files=[blob]), outputs=[JobOutputAsset(asset_name=name)], priority=priority)
        asset = self.media.assets.create_or_update(GROUP, self.service.account, name, Asset())
        self.media.jobs.create(GROUP, self.service.account, transform, name, job)
        return str(asset.container)

    def upload(self, content: bytes | Mapping[str, object], file: str = "clip.mp4") -> str:
        """The file's address with a read-only SAS."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        container = f"in-{uuid.uuid4().hex}"
        key = self.deployment.storage.account_key(ACCOUNT_NAME).named_key.key
        with self.deployment.blobs as blobs:
            blobs.create_container(container)
            blob = blobs.get_blob_client(container, file)
            blob.upload_blob(data, overwrite=True)  # a first try may have succeeded without an answer
            sas = generate_blob_sas(
                ACCOUNT_NAME,
                container,
                file,
                account_key=key,
                permission=BlobSasPermissions(read=True),
                expiry=datetime.now(UTC) + timedelta(hours=1),
                protocol="https",
            )
            return f"{blob.url}?{sas}"

    def job(self, name: str, transform: str = "faceredact") -> Any:
        return self.media.jobs.get(GROUP, self.service.account, transform, name)

    def cancel(self, name: str) -> None:
        self.media.jobs.cancel_job(GROUP, self.service.account, "faceredact", name)

    def work(self, *options: str, **environment: str) -> None:
        """One worker, until it leaves by itself."""
        with self.start(*options, **environment) as worker:
            assert worker.wait(30) == 0, worker.tail()

    def start(self, *options: str, **environment: str) -> processes.Process:
        return self.deployment.with_environment(**environment).start("worker", *options)

    def files(self, container: str) -> dict[str, bytes]:
        with self.deployment.blobs as blobs:
            client = blobs.get_container_client(container)
            return {name: client.download_blob(name).readall() for name in client.list_blob_names()}

    @contextlib.contextmanager
    def queue(self, which: str = "JOBS_QUEUE") -> Iterator[QueueClient]:
        with self.deployment.queues as queues:
            yield queues.get_queue_client(self.deployment.environment[which])

    def messages(self, which: str = "JOBS_QUEUE") -> int:
        """Leased ones included."""
        with self.queue(which) as queue:
            return int(queue.get_queue_properties().approximate_message_count or 0)

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not so within {seconds} s"
            time.sleep(0.02)

    def visible(self) -> bool:
        with self.queue() as queue:
            return bool(queue.peek_messages())
