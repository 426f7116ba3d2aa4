"""The release of the function's code: an upload with the deployer's token, then One Deploy."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi_azure_native.resources import v20241101 as resources

from stack.deployer import deployer_credential, deployer_principal
from stack.function.package import FunctionPackage
from stack.place import Place
from stack.roles import Role, grant

PACKAGE_NAME = "released-package.zip"  # the only name that One Deploy accepts


class BlobUpload(dynamic.ResourceProvider):
    """Uploads a package as one zip.

    Its inputs name a folder instead of an archive, since the engine does not pass the content of assets to a diff and
    Python's dynamic providers require it (pulumi/pulumi#6802). azure-native's `storage.Blob` needs the account's shared
    key, which our accounts do not have.
    """

    serialize_as_secret_always = False  # it holds no secrets, and a plain provider shows fewer differences

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(id_=props["url"], outs=self._upload(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(outs=self._upload(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        moved = olds.get("url") != news.get("url")
        return dynamic.DiffResult(
            changes=moved or olds.get("sha256") != news.get("sha256"), replaces=["url"] if moved else []
        )

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        from azure.core.exceptions import ResourceNotFoundError
        from azure.storage.blob import BlobClient

        with (
            BlobClient.from_blob_url(props["url"], credential=deployer_credential()) as blob,
            suppress(ResourceNotFoundError),
        ):
            blob.delete_blob()

    @staticmethod
    def _upload(props: dict[str, Any]) -> dict[str, Any]:
        from azure.storage.blob import BlobClient

        with (
            TemporaryDirectory() as folder,
            BlobClient.from_blob_url(props["url"], credential=deployer_credential()) as blob,
        ):
            package = FunctionPackage.at(Path(props["directory"]), props["sha256"])
            zipped = Path(folder) / PACKAGE_NAME
            package.write_zip(zipped)
            with zipped.open("rb") as content:
                blob.upload_blob(content, overwrite=True)
        return {"url": props["url"], "sha256": props["sha256"]}


class UploadedPackage(dynamic.Resource, module="release", name="UploadedPackage"):
    """The function's package as a blob at `url`. Its content changes with the package's hash."""

    url: pulumi.Output[str]
    sha256: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        package: FunctionPackage,
        container_url: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            BlobUpload(),
            name,
            {
                "url": container_url.apply(lambda known: f"{known}/{PACKAGE_NAME}"),
                "sha256": package.sha256,
                "directory": package.directory.as_posix(),
            },
            opts,
        )


def release(
    name: str,
    place: Place,
    package: FunctionPackage,
    *,
    container_url: pulumi.Output[str],
    container_id: pulumi.Output[str],
    app_name: pulumi.Output[str],
    deployer_group: str | None,
    parent: pulumi.Resource,
) -> resources.Deployment:
    """Upload the package and deploy it to the app, again only when the package's hash changes.

    `container_url` and `container_id` name the blob container for packages. The app's identity must be able to read it.
    """
    deployer_id, deployer_type = deployer_principal(deployer_group)
    may_upload = grant(
        "deployer-uploads-code",
        Role.BLOB_CONTRIBUTOR,
        scope=container_id,
        principal_id=deployer_id,
        principal_type=deployer_type,
        parent=parent,
    )
    uploaded = UploadedPackage(
        PACKAGE_NAME, package, container_url, pulumi.ResourceOptions(parent=parent, depends_on=[may_upload])
    )
    return resources.Deployment(
        name,
        resource_group_name=place.group_name,
        properties=resources.DeploymentPropertiesArgs(
            mode=resources.DeploymentMode.INCREMENTAL,
            template=_ONE_DEPLOY,
            parameters={
                "app": resources.DeploymentParameterArgs(value=app_name),
                "packageUri": resources.DeploymentParameterArgs(value=uploaded.url),
                "packageSha256": resources.DeploymentParameterArgs(value=uploaded.sha256),
            },
        ),
        tags=place.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )


# azure-native has no class for a site's extensions. The hash is a parameter so that a new package causes a new
# deployment, since its address stays the same.
_ONE_DEPLOY = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {
        "app": {"type": "string"},
        "packageUri": {"type": "string"},
        "packageSha256": {"type": "string"},
    },
    "resources": [
        {
            "type": "Microsoft.Web/sites/extensions",
            "apiVersion": "2024-04-01",
            "name": "[format('{0}/onedeploy', parameters('app'))]",
            "properties": {"packageUri": "[parameters('packageUri')]", "remoteBuild": False},
        }
    ],
}
