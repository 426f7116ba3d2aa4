"""The media service's container image: a given one, or one that a registry of the graph builds."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_azure_native.containerregistry import v20230701 as containerregistry

from stack.bill_of_materials import Deployed, bill_of_materials
from stack.media.image_build import ImageBuild
from stack.media.image_context import ImageContext
from stack.place import Place


@dataclass(frozen=True)
class Registry:
    """A registry that an identity needs the AcrPull role on."""

    server: pulumi.Output[str]
    registry_id: pulumi.Output[str]


@dataclass(frozen=True)
class Image:
    """An image. Without a `registry`, pulling it needs no role. `bill` is its bill of materials, if it is known."""

    reference: pulumi.Output[str]
    registry: Registry | None = None
    bill: str | None = None


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
        tag = f"face-redaction:{context.sha256[:16]}"
        build = ImageBuild("image-build", context, registry.id, tag, resource_manager, options)
        reference = pulumi.Output.all(registry.login_server, build.id).apply(lambda known: f"{known[0]}/{tag}")
        source = Path("mediaservice/requirements.lock"), Path("Dockerfile")
        bill = bill_of_materials(Deployed("face-redaction", context.sha256, *source), Path(".cache/bills"))
        self.image = Image(reference, Registry(registry.login_server, registry.id), bill)
        self.register_outputs({"reference": reference})
