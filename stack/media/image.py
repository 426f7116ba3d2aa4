"""The media service's container image: a given one, or one that a registry of the graph builds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi_azure_native.containerregistry import v20190601preview as tasks
from pulumi_azure_native.containerregistry import v20230701 as containerregistry

from stack.deployer import deployer_credential
from stack.media.image_context import ImageContext
from stack.place import Place

_TASKS_API = "2019-06-01-preview"
_BUILD_SECONDS = 3600


@dataclass(frozen=True)
class Registry:
    """A registry that an identity needs the AcrPull role on."""

    server: pulumi.Output[str]
    registry_id: pulumi.Output[str]


@dataclass(frozen=True)
class Image:
    """An image. Without a `registry`, pulling it needs no role."""

    reference: pulumi.Output[str]
    registry: Registry | None = None


class ContextUpload(dynamic.ResourceProvider):
    """Uploads the sources to the registry, as `az acr build` does."""

    serialize_as_secret_always = False  # it holds no secrets, and a plain provider shows fewer differences

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(id_=props["sha256"], outs=_hand_over(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(outs=_hand_over(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        compared = ("registry_id", "sha256")
        return dynamic.DiffResult(changes=any(olds.get(key) != news.get(key) for key in compared))


def _hand_over(props: dict[str, Any]) -> dict[str, Any]:
    import httpx

    token = deployer_credential().get_token(f"{props['resource_manager']}/.default").token
    with httpx.Client(timeout=120) as client:
        place = client.post(
            f"{props['resource_manager']}{props['registry_id']}/listBuildSourceUploadUrl",
            params={"api-version": _TASKS_API},
            headers={"Authorization": f"Bearer {token}"},
        )
        place.raise_for_status()
        content = Path(props["context"]).read_bytes()
        client.put(
            place.json()["uploadUrl"], content=content, headers={"x-ms-blob-type": "BlockBlob"}
        ).raise_for_status()
    kept = ("registry_id", "sha256", "resource_manager")
    return {**{key: props[key] for key in kept}, "source_location": place.json()["relativePath"]}


class UploadedContext(dynamic.Resource, module="image", name="UploadedContext"):
    """The uploaded sources. `source_location` is valid only for a build soon after."""

    source_location: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        context: ImageContext,
        registry_id: pulumi.Output[str],
        resource_manager: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            ContextUpload(),
            name,
            {
                "registry_id": registry_id,
                "resource_manager": resource_manager,
                "sha256": context.sha256,
                "context": context.path.as_posix(),  # an asset would break every later diff (pulumi/pulumi#6802)
                "source_location": None,
            },
            opts,
        )


class BuiltImage(pulumi.ComponentResource):
    """A registry, and the image that it builds from this project's sources, tagged by their hash."""

    image: Image

    def __init__(self, name: str, place: Place, context: ImageContext, resource_manager: str) -> None:
        super().__init__("face-redaction:media:BuiltImage", name)
        options = pulumi.ResourceOptions(parent=self)
        registry = containerregistry.Registry(
            place.compact_name("images"),
            resource_group_name=place.group_name,
            location=place.location,
            sku=containerregistry.SkuArgs(name=containerregistry.SkuName.BASIC),
            admin_user_enabled=False,
            tags=place.tags,
            opts=options,
        )
        sources = UploadedContext("image-sources", context, registry.id, resource_manager, options)
        tag = f"face-redaction:{context.sha256[:16]}"
        build = tasks.TaskRun(
            "image-build",
            task_run_name="image-build",
            registry_name=registry.name,
            resource_group_name=place.group_name,
            force_update_tag=context.sha256,
            run_request=tasks.DockerBuildRequestArgs(
                type="DockerBuildRequest",
                docker_file_path="Dockerfile",
                source_location=sources.source_location,
                image_names=[tag],
                is_push_enabled=True,
                platform=tasks.PlatformPropertiesArgs(os=tasks.OS.LINUX, architecture=tasks.Architecture.AMD64),
                timeout=_BUILD_SECONDS,
            ),
            opts=options,
        )
        reference = pulumi.Output.all(registry.login_server, build.id).apply(lambda known: f"{known[0]}/{tag}")
        self.image = Image(reference, Registry(registry.login_server, registry.id))
        self.register_outputs({"reference": reference})
