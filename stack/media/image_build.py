"""The image's build by the registry, like that of `az acr build`.

azure-native's TaskRun is not used: a failed one stays in the state and may not run again under the same
forceUpdateTag, and Resource Manager's error does not say why it failed. Only the build's own log does.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import dynamic

from stack.deployer import provider_principal
from stack.media.image_context import ImageContext
from stack.resource_manager import resource_manager

if TYPE_CHECKING:
    import httpx

_TASKS_API = "2019-06-01-preview"
_BUILD_SECONDS = 3600
_POLL_SECONDS = 5.0
_REQUEST_SECONDS = 120.0
_ENDED = frozenset({"Succeeded", "Failed", "Canceled", "Error", "Timeout"})
_SHOWN_LINES = 5
_THROTTLED = "toomanyrequests"


class ImageBuildError(Exception):
    """The build ended without an image. The message holds no signed address."""


class RegistryBuild(dynamic.ResourceProvider):
    """A build: it uploads the sources, has the registry build and push the image, and waits.

    A build that fails leaves no state behind, so the next `up` builds again.
    """

    serialize_as_secret_always = False  # it holds no secret, and a plain one shows no difference

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(id_=f"{props['registry_id']}/{props['tag']}", outs=_build(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(outs=_build(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        compared = ("registry_id", "sha256", "tag")
        return dynamic.DiffResult(changes=any(olds.get(key) != news.get(key) for key in compared))


def _build(props: dict[str, Any]) -> dict[str, Any]:
    registry = props["registry_id"]
    with resource_manager(
        props["resource_manager"], _TASKS_API, props.get("deployer"), seconds=_REQUEST_SECONDS
    ) as client:
        run = _schedule(client, registry, _hand_over(client, registry, Path(props["context"])), props["tag"])
        status = _wait(client, registry, run)
        if status != "Succeeded":
            raise ImageBuildError(f"the image's build {run} ended in {status}: {_reason(client, registry, run)}")
    return {key: props[key] for key in ("registry_id", "sha256", "tag")}


def _hand_over(client: "httpx.Client", registry: str, context: Path) -> str:
    """Upload the sources. Return the registry's name for them."""
    import httpx

    place = client.post(f"{registry}/listBuildSourceUploadUrl")
    place.raise_for_status()
    # past the client, which would add its own token to the signed address
    try:
        uploaded = httpx.put(
            place.json()["uploadUrl"],
            content=context.read_bytes(),
            headers={"x-ms-blob-type": "BlockBlob"},
            timeout=_REQUEST_SECONDS,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ImageBuildError(f"the sources cannot be uploaded to the registry: {type(error).__name__}") from None
    if not uploaded.is_success:  # raise_for_status would name the address, with its signature
        raise ImageBuildError(f"the sources cannot be uploaded to the registry: Azure answers {uploaded.status_code}")
    return str(place.json()["relativePath"])


def _schedule(client: "httpx.Client", registry: str, source: str, tag: str) -> str:
    """Start the build. Return its run's id."""
    scheduled = client.post(
        f"{registry}/scheduleRun",
        json={
            "type": "DockerBuildRequest",
            "dockerFilePath": "Dockerfile",
            "sourceLocation": source,
            "imageNames": [tag],
            "isPushEnabled": True,
            "isArchiveEnabled": False,
            "platform": {"os": "Linux", "architecture": "amd64"},
            "timeout": _BUILD_SECONDS,
        },
    )
    scheduled.raise_for_status()
    return str(scheduled.json()["properties"]["runId"])


def _wait(client: "httpx.Client", registry: str, run: str) -> str:
    """Return the status in which the run ended."""
    deadline = time.monotonic() + _BUILD_SECONDS + 600
    while time.monotonic() < deadline:
        found = client.get(f"{registry}/runs/{run}")
        found.raise_for_status()
        status = str(found.json()["properties"]["status"])
        if status in _ENDED:
            return status
        time.sleep(_POLL_SECONDS)
    return "Timeout"


def _reason(client: "httpx.Client", registry: str, run: str) -> str:
    """Return the end of the build's log in one line, preceded by a refusal of the base image's registry, if any."""
    import httpx

    try:
        link = client.post(f"{registry}/runs/{run}/listLogSasUrl")
        link.raise_for_status()
        log = httpx.get(link.json()["logLink"], timeout=_REQUEST_SECONDS)
        log.raise_for_status()
    except httpx.HTTPStatusError as error:  # its own text names the address, with its signature
        return f"its log cannot be read: Azure answers {error.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError) as error:
        return f"its log cannot be read: {type(error).__name__}"
    lines = [" ".join(line.split()) for line in log.text.splitlines() if line.strip()]
    throttled = [line for line in lines if _THROTTLED in line.lower()][:1]
    return " | ".join([*throttled, *lines[-_SHOWN_LINES:]]) or "its log is empty"


class ImageBuild(dynamic.Resource, module="image", name="ImageBuild"):
    """The image `tag` in a registry, built from `context`; again when the sources change."""

    def __init__(
        self,
        name: str,
        context: ImageContext,
        registry_id: pulumi.Output[str],
        tag: str,
        resource_manager_url: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            RegistryBuild(),
            name,
            {
                "registry_id": registry_id,
                "tag": tag,
                "resource_manager": resource_manager_url,
                "sha256": context.sha256,
                "context": context.path.as_posix(),  # an asset would end every later diff (pulumi/pulumi#6802)
                "deployer": provider_principal(),
            },
            opts,
        )
