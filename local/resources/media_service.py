"""The processes of the media service: the graph's containers, or a substitute for Azure's own account."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.graph.outputs import SUBSCRIPTION_ID
from local.graph.program import Graph, Resource, Stack
from local.resources.identities import client_ids, process_environment
from local.services.entra import Entra
from local.services.scaler import QueueLengthStrategy, ScaleRule

# Azure Media Services keeps its state out of sight; here it is stored beside the assets.
HIDDEN_QUEUES = ("redaction-jobs", "redaction-jobs-poison")
HIDDEN_TABLES = ("assets", "transforms", "jobs")


@dataclass(frozen=True)
class MediaService:
    """The two processes of a media service, and how its workers scale.

    `audience` is the audience of its tokens. The starter adds the API's PORT.
    """

    account: str
    resource_group: str
    audience: str
    api_command: Sequence[str]
    api_environment: Mapping[str, str]
    worker_command: Sequence[str]
    worker_environment: Mapping[str, str]
    scale: ScaleRule
    storage_account: str


def declared_media_service(graph: Graph, stack: Stack, entra: Entra, trust: Mapping[str, str]) -> MediaService:
    """Return the media service of either engine. `trust` makes its processes trust this machine's certificates."""
    if graph.of("media:MediaService"):
        return _azure(graph, stack, entra, trust)
    return _self_hosted(graph, entra, trust)


def _self_hosted(graph: Graph, entra: Entra, trust: Mapping[str, str]) -> MediaService:
    api, worker = graph.one("app:ContainerApp"), graph.one("app:Job")
    api_settings, worker_settings = _settings(api), _settings(worker)
    scale = ScaleRule.declared(worker.inputs["configuration"])
    return MediaService(
        account=api_settings["MEDIA_ACCOUNT"],
        resource_group=api_settings["MEDIA_RESOURCE_GROUP"],
        audience=api_settings["TOKEN_AUDIENCE"].partition(",")[0],
        api_command=_command(_container(api)["command"]),
        api_environment=process_environment(api_settings, graph, api, entra, trust),
        worker_command=_command(_container(worker)["command"]),
        worker_environment=process_environment(worker_settings, graph, worker, entra, trust),
        scale=scale,
        storage_account=scale.account,
    )


def _azure(graph: Graph, stack: Stack, entra: Entra, trust: Mapping[str, str]) -> MediaService:
    """Return our own service, configured from the declared Azure Media Services account and Transform."""
    account = graph.one("media:MediaService")
    storage = graph.by_id(account.inputs["storageAccounts"][0]["id"])
    endpoints = storage.state["primaryEndpoints"]
    audience = stack.setting("resourceManager")
    (client_id,) = client_ids(graph, account)
    settings = {
        "AZURE_CLIENT_ID": client_id,
        "MEDIA_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
        "MEDIA_RESOURCE_GROUP": account.inputs["resourceGroupName"],
        "MEDIA_ACCOUNT": account.state["name"],
        "MEDIA_LOCATION": account.inputs["location"],
        "MEDIA_STORAGE_ID": storage.id,
        "MEDIA_TRANSFORMS": json.dumps({t.state["name"]: _properties(t) for t in graph.of("media:Transform")}),
        "STORAGE_BLOB_ENDPOINT": endpoints["blob"],
        "STORAGE_QUEUE_ENDPOINT": endpoints["queue"],
        "STORAGE_TABLE_ENDPOINT": endpoints["table"],
        "TOKEN_AUTHORITY": stack.setting("authority"),
        "TOKEN_TENANT_ID": entra.tenant_id,
        "TOKEN_AUDIENCE": audience,
    }
    environment = process_environment(settings, graph, account, entra, trust)
    return MediaService(
        account=account.state["name"],
        resource_group=account.inputs["resourceGroupName"],
        audience=audience,
        api_command=_command(["python", "-m", "mediaservice", "api"]),
        api_environment=environment,
        worker_command=_command(["python", "-m", "mediaservice", "worker"]),
        worker_environment=environment,
        scale=ScaleRule(
            account=storage.state["name"],
            queue=HIDDEN_QUEUES[0],
            messages_each=1,
            strategy=QueueLengthStrategy.ALL,
            min_executions=0,
            max_executions=10,
            polling_seconds=10.0,
            seconds=12 * 3600.0,
        ),
        storage_account=storage.state["name"],
    )


def _properties(transform: Resource) -> dict[str, Any]:
    """Return a Transform's ARM properties. The SDK calls `@odata.type` odataType."""
    outputs = []
    for output in transform.inputs["outputs"]:
        preset = dict(output["preset"])
        preset["@odata.type"] = preset.pop("odataType")
        outputs.append({**output, "preset": preset})
    return {"description": transform.inputs.get("description"), "outputs": outputs}


def _container(resource: Resource) -> dict[str, Any]:
    (container,) = resource.inputs["template"]["containers"]
    return dict(container)


def _settings(resource: Resource) -> dict[str, str]:
    return {each["name"]: each["value"] for each in _container(resource)["env"]}


def _command(declared: Sequence[str]) -> list[str]:
    """Return the command with this interpreter in place of the image's `python`."""
    return [sys.executable if part == "python" else part for part in declared]
