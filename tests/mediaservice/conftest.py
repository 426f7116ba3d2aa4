"""The service as its containers run it: real processes, real Azurite, https, the real SDK."""

import io
import json
import os
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import httpx
import PIL.Image
import pytest
import skimage.data
from azure.core.credentials import AccessToken
from azure.data.tables import TableServiceClient
from azure.mgmt.media import AzureMediaServices
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local import processes
from local.azurite import Azurite
from local.certificates import Certificates
from local.identity import Identity
from local.ingress import Ingress
from mediaservice.settings import ApiSettings, read_api

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


def pytest_configure(config: pytest.Config) -> None:
    # azure-mgmt-media's generated code still uses what newer Pythons warn about
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:azure.mgmt.media.*")


@dataclass(frozen=True)
class Deployment:
    """One service account's worth of state with names of its own, and the environment of its processes."""

    environment: dict[str, str]
    storage: Azurite
    certificates: Certificates
    folder: Path

    def with_environment(self, **more: str) -> "Deployment":
        return replace(self, environment=self.environment | more)

    @property
    def blobs(self) -> BlobServiceClient:
        return BlobServiceClient(
            self.storage.endpoints[ACCOUNT_NAME].blob.rstrip("/"), credential=self.storage.account_key(ACCOUNT_NAME)
        )

    @property
    def queues(self) -> QueueServiceClient:
        return QueueServiceClient(
            self.storage.endpoints[ACCOUNT_NAME].queue.rstrip("/"), credential=self.storage.account_key(ACCOUNT_NAME)
        )

    @property
    def tables(self) -> TableServiceClient:
        return TableServiceClient(
            self.storage.endpoints[ACCOUNT_NAME].table.rstrip("/"), credential=self.storage.account_key(ACCOUNT_NAME)
        )

    def start(self, command: str) -> processes.Process:
        return processes.start(
            command,
            [sys.executable, "-m", "mediaservice", command],
            environment=self.environment,
            log=self.folder / f"{command}-{uuid.uuid4().hex[:6]}.log",
            folder=Path(__file__).parents[2],
        )


@dataclass(frozen=True)
class Service:
    """A running API behind TLS, and how to talk to it."""

    deployment: Deployment
    url: str
    identity: Identity
    process: processes.Process
    http: httpx.Client = field(repr=False)

    @property
    def path(self) -> str:
        account = self.deployment.environment["MEDIA_ACCOUNT"]
        return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Media/mediaServices/{account}"

    def client(self) -> AzureMediaServices:
        return AzureMediaServices(
            _Credential(self.identity),
            SUBSCRIPTION,
            base_url=self.url,
            credential_scopes=[f"{AUDIENCE}/.default"],
        )

    def token(self, principal: str | None = None) -> str:
        return self.identity.token(AUDIENCE, principal or self.identity.developer_id, CLIENT_ID)[0]


class _Credential:
    def __init__(self, identity: Identity) -> None:
        self._credential = identity.credential()

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return self._credential.get_token(*scopes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def deploy(
    azurite: Azurite, identity: Identity, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Deployment]:
    """Makes queues and tables as the graph does, under names that no other deployment has."""

    def make() -> Deployment:
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
                "MEDIA_TRANSFORMS": json.dumps({"faceredact": FACEREDACT}),
                "STORAGE_BLOB_ENDPOINT": endpoints.blob,
                "STORAGE_QUEUE_ENDPOINT": endpoints.queue,
                "STORAGE_TABLE_ENDPOINT": endpoints.table,
                "JOBS_QUEUE": f"jobs-{suffix}",
                "POISON_QUEUE": f"poison-{suffix}",
                "ASSETS_TABLE": f"assets{suffix}",
                "TRANSFORMS_TABLE": f"transforms{suffix}",
                "JOBS_TABLE": f"jobs{suffix}",
                "TOKEN_AUTHORITY": identity.authority,
                "TOKEN_TENANT_ID": identity.tenant_id,
                "TOKEN_AUDIENCE": AUDIENCE,
                **identity.environment(CLIENT_ID),
                **certificates.environment,
            },
            storage=azurite,
            certificates=certificates,
            folder=tmp_path_factory.mktemp("mediaservice"),
        )
        with deployment.queues as queues:
            for name in ("JOBS_QUEUE", "POISON_QUEUE"):
                queues.create_queue(deployment.environment[name])
        with deployment.tables as tables:
            for name in ("ASSETS_TABLE", "TRANSFORMS_TABLE", "JOBS_TABLE"):
                tables.create_table(deployment.environment[name])
        return deployment

    return make


@pytest.fixture(scope="session")
def service(deploy: Callable[[], Deployment], identity: Identity) -> Iterator[Service]:
    """One API for the tests that only talk to it; each uses names of its own."""
    deployment = deploy()
    with deployment.start("api") as process, Ingress(int(deployment.environment["PORT"]), deployment.certificates) as tls:
        with httpx.Client(base_url=tls.url, verify=deployment.certificates.client_context) as http:
            running = Service(deployment, tls.url, identity, process, http)
            process.until(lambda: http.get("/healthz").status_code == 200, 10)
            yield running


@pytest.fixture
def settings(service: Service) -> ApiSettings:
    return read_api(service.deployment.environment)


@pytest.fixture(scope="session")
def video() -> bytes:
    """Ten frames of an astronaut who moves a little to the right, 320x240, as mp4."""
    portrait = PIL.Image.fromarray(skimage.data.astronaut()).resize((240, 240))
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for shift in range(10):
            picture = PIL.Image.new("RGB", (320, 240), "gray")
            picture.paste(portrait, (20 + shift, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))
    return file.getvalue()
