"""A media service on this machine for benchmarks, run as in its containers: Azurite, tokens, the API behind TLS."""

import concurrent.futures
import contextlib
import json
import multiprocessing
import os
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from local.host import certificates as tls
from local.host import processes
from local.host.ports import free_port
from local.services.azurite import Azurite, Endpoints
from local.services.entra import Entra
from local.services.ingress import Ingress

STORAGE, AUDIENCE, GROUP, ACCOUNT = "media1", "api://media", "benchmark", "faces"
CLIENT_ID, SUBSCRIPTION = "11111111-1111-4111-8111-111111111111", "33333333-3333-4333-8333-333333333333"
QUEUES, TABLES = ("redaction-jobs", "redaction-jobs-poison"), ("assets", "transforms", "jobs")
TRANSFORM = {"outputs": [{"preset": {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "mode": "Combined"}}]}


@dataclass(frozen=True)
class Address:
    """A client's settings."""

    endpoint: str
    account: str  # the path that contains assets and transforms
    token: str
    processes: Mapping[str, int]  # process ids of all that take part in an answer


@dataclass(frozen=True)
class RunningAccount:
    address: Address
    environment: Mapping[str, str]  # the environment of the service's processes
    storage: Endpoints
    key: AzureNamedKeyCredential
    folder: Path

    def start(self, command: str, name: str, **environment: str) -> processes.Process:
        return processes.start(
            name,
            [sys.executable, "-m", "mediaservice", command],
            environment={**self.environment, **environment},
            log=self.folder / f"{name}.log",
        )


@contextlib.contextmanager
def running_account(folder: Path) -> Iterator[RunningAccount]:
    """Run an account with storage in memory. This process is the ingress; run clients in other ones, by `apart`."""
    issued = tls.issue(folder / "certificates")
    os.environ.update(issued.environment)
    port = free_port()
    with (
        Azurite([STORAGE], issued, log=folder / "azurite.log") as azurite,
        Entra(issued, identities={CLIENT_ID: SUBSCRIPTION}, api_roles={AUDIENCE: {}}) as entra,
        Ingress(port, issued) as ingress,
    ):
        endpoints, key = azurite.endpoints[STORAGE], azurite.account_key(STORAGE)
        with QueueServiceClient(endpoints.queue.rstrip("/"), credential=key) as queues:
            for name in QUEUES:
                queues.create_queue(name)
        with TableServiceClient(endpoints.table.rstrip("/"), credential=key) as tables:
            for name in TABLES:
                tables.create_table(name)
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
        environment = {
            "PATH": os.defpath,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "AZURE_CLIENT_ID": CLIENT_ID,
            "MEDIA_SUBSCRIPTION_ID": SUBSCRIPTION,
            "MEDIA_RESOURCE_GROUP": GROUP,
            "MEDIA_ACCOUNT": ACCOUNT,
            "MEDIA_LOCATION": "westeurope",
            "MEDIA_STORAGE_ID": f"{group}/providers/Microsoft.Storage/storageAccounts/{STORAGE}",
            "MEDIA_TRANSFORMS": json.dumps({"faceredact": TRANSFORM}),
            "STORAGE_BLOB_ENDPOINT": endpoints.blob,
            "STORAGE_QUEUE_ENDPOINT": endpoints.queue,
            "STORAGE_TABLE_ENDPOINT": endpoints.table,
            "TOKEN_AUTHORITY": entra.authority,
            "TOKEN_TENANT_ID": entra.tenant_id,
            "TOKEN_AUDIENCE": AUDIENCE,
            **entra.environment(CLIENT_ID),
            **issued.environment,
        }
        entra.grant(AUDIENCE, entra.developer_id, ["Media.ReadWrite"])
        token = entra.token(AUDIENCE, entra.developer_id, CLIENT_ID)[0]
        command = [sys.executable, "-m", "mediaservice", "api"]
        with processes.start("api", command, environment=environment, log=folder / "api.log") as api:
            numbers = {"service": api.pid, "storage emulator": azurite.process.pid, "ingress": os.getpid()}
            path = f"{group}/providers/Microsoft.Media/mediaServices/{ACCOUNT}"
            running = RunningAccount(Address(ingress.url, path, token, numbers), environment, endpoints, key, folder)
            _wait(api, ingress.url, issued.authority)
            yield running


def apart[**P, T](work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Return `work`'s result from another process, which trusts the certificate and does not block the ingress."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as process:
        return process.submit(work, *arguments, **options).result()


def _wait(api: processes.Process, url: str, authority: Path) -> None:
    with httpx.Client(verify=ssl.create_default_context(cafile=authority)) as client:
        api.until(lambda: client.get(f"{url}/healthz").status_code == httpx.codes.OK, 30)
