"""A media service on this machine, as its containers run it, for benchmarks: Azurite, tokens, the API behind TLS."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from local import certificates as tls
from local import processes
from local.azurite import Azurite
from local.identity import Identity
from local.ingress import Ingress
from local.ports import free_port

STORAGE, AUDIENCE, GROUP = "media1", "api://media", "benchmark"
CLIENT_ID, SUBSCRIPTION = "11111111-1111-4111-8111-111111111111", "33333333-3333-4333-8333-333333333333"
QUEUES, TABLES = ("redaction-jobs", "redaction-jobs-poison"), ("assets", "transforms", "jobs")
TRANSFORM = {"outputs": [{"preset": {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "mode": "Combined"}}]}


@dataclass(frozen=True)
class RunningAccount:
    url: str  # of the account, below which are assets and transforms
    token: str
    authority: Path  # PEM
    api: processes.Process


@contextlib.contextmanager
def running_account(folder: Path) -> Iterator[RunningAccount]:
    issued = tls.issue(folder / "certificates")
    os.environ.update(issued.environment)
    port = free_port()
    with (
        Azurite([STORAGE], issued, log=folder / "azurite.log", data=folder / "azurite") as azurite,
        Identity(issued, identities={CLIENT_ID: SUBSCRIPTION}, api_roles={AUDIENCE: {}}) as identity,
        Ingress(port, issued) as ingress,
    ):
        endpoints, key = azurite.endpoints[STORAGE], azurite.account_key(STORAGE)
        with QueueServiceClient(endpoints.queue.rstrip("/"), credential=key) as queues:
            for name in QUEUES:
                queues.create_queue(name)
        with TableServiceClient(endpoints.table.rstrip("/"), credential=key) as tables:
            for name in TABLES:
                tables.create_table(name)
        account = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Media/mediaServices/faces"
        environment = {
            "PATH": os.defpath,
            "PORT": str(port),
            "AZURE_CLIENT_ID": CLIENT_ID,
            "MEDIA_SUBSCRIPTION_ID": SUBSCRIPTION,
            "MEDIA_RESOURCE_GROUP": GROUP,
            "MEDIA_ACCOUNT": "faces",
            "MEDIA_LOCATION": "westeurope",
            "MEDIA_STORAGE_ID": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
            f"/providers/Microsoft.Storage/storageAccounts/{STORAGE}",
            "MEDIA_TRANSFORMS": json.dumps({"faceredact": TRANSFORM}),
            "STORAGE_BLOB_ENDPOINT": endpoints.blob,
            "STORAGE_QUEUE_ENDPOINT": endpoints.queue,
            "STORAGE_TABLE_ENDPOINT": endpoints.table,
            "TOKEN_AUTHORITY": identity.authority,
            "TOKEN_TENANT_ID": identity.tenant_id,
            "TOKEN_AUDIENCE": AUDIENCE,
            **identity.environment(CLIENT_ID),
            **issued.environment,
        }
        command = [sys.executable, "-m", "mediaservice", "api"]
        identity.grant(AUDIENCE, identity.developer_id, ["Media.ReadWrite"])
        token = identity.token(AUDIENCE, identity.developer_id, CLIENT_ID)[0]
        with processes.start("api", command, environment=environment, log=folder / "api.log") as api:
            _wait(ingress.url, issued.authority)
            yield RunningAccount(ingress.url + account, token, issued.authority, api)


def _wait(url: str, authority: Path) -> None:
    import ssl

    with httpx.Client(verify=ssl.create_default_context(cafile=authority)) as client:
        deadline = time.monotonic() + 20
        while client.get(f"{url}/healthz").status_code != httpx.codes.OK:
            if time.monotonic() > deadline:
                raise SystemExit("the API does not answer; see api.log")
            time.sleep(0.05)
