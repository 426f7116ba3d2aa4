"""The release of the function's code: an upload with the deployer's token, then One Deploy with a signed link."""

import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import dynamic
from pulumi_azure_native.resources import v20241101 as resources

from stack.deployer import check_deployer, deployer_credential, deployer_principal, provider_principal
from stack.function.listing import ListedFunction
from stack.function.package import FunctionPackage
from stack.place import Place
from stack.roles import Role, grant

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

PACKAGE_NAME = "released-package.zip"  # the only name that One Deploy accepts
_STORAGE = "https://storage.azure.com/.default"
_CLOCK_SKEW = timedelta(minutes=15)
_LINK_LIFE = timedelta(days=7) - 2 * _CLOCK_SKEW  # a user delegation key is valid for seven days by Azure's clock


class BlobUpload(dynamic.ResourceProvider):
    """Uploads a package as one zip, and signs a link to it for One Deploy.

    Its inputs name a folder instead of an archive, since the engine does not pass the content of assets to a diff and
    Python's dynamic providers require it (pulumi/pulumi#6802). azure-native's `storage.Blob` needs the account's shared
    key, which our accounts do not have.
    """

    serialize_as_secret_always = False  # fewer differences; the one secret output is marked as such

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(id_=props["url"], outs=self._upload(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(outs=self._upload(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Sign a new link only when there is something to deploy with it."""
        moved = olds.get("url") != news.get("url")
        changed = any(olds.get(key) != news.get(key) for key in ("sha256", "app", "template"))
        return dynamic.DiffResult(changes=moved or changed, replaces=["url"] if moved else [])

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

        credential = deployer_credential()
        check_deployer(credential.get_token(_STORAGE).token, props.get("deployer"))
        with (
            TemporaryDirectory() as folder,
            BlobClient.from_blob_url(props["url"], credential=credential) as blob,
        ):
            package = FunctionPackage.at(Path(props["directory"]), props["sha256"])
            zipped = Path(folder) / PACKAGE_NAME
            package.write_zip(zipped)
            with zipped.open("rb") as content:
                blob.upload_blob(content, overwrite=True)
            link = _signed(blob, props["url"])
        return {"url": props["url"], **{key: props.get(key) for key in ("sha256", "app", "template")}, "link": link}


def _signed(blob: "BlobClient", url: str) -> str:
    """Return a link that grants read access to this blob."""
    from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas

    now = datetime.now(UTC)
    start, end = now - _CLOCK_SKEW, now + _LINK_LIFE
    assert blob.account_name
    account = url.removesuffix(f"/{blob.container_name}/{blob.blob_name}")
    with BlobServiceClient(account, credential=blob.credential) as service:
        key = service.get_user_delegation_key(start, end)
    signature = generate_blob_sas(
        blob.account_name,
        blob.container_name,
        blob.blob_name,
        user_delegation_key=key,
        permission=BlobSasPermissions(read=True),
        start=start,
        expiry=end,
        protocol="https",
    )
    return f"{url}?{signature}"


class UploadedPackage(dynamic.Resource, module="release", name="UploadedPackage"):
    """The function's package as a blob, uploaded and signed again when its hash, the app or the template changes.

    `link` is a secret, since it grants read access to the package for a week. Each of these makes a new deployment, so
    none gets a link of an earlier week. A deployment that failed, and is repeated after a week, needs a replacement.
    """

    url: pulumi.Output[str]
    sha256: pulumi.Output[str]
    link: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        package: FunctionPackage,
        container_url: pulumi.Output[str],
        app: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # A replacement has the same address: deleting the old blob later would delete the new one.
        fixed = pulumi.ResourceOptions(additional_secret_outputs=["link"], delete_before_replace=True)
        super().__init__(
            BlobUpload(),
            name,
            {
                "url": container_url.apply(lambda known: f"{known}/{PACKAGE_NAME}"),
                "sha256": package.sha256,
                "directory": package.directory.as_posix(),
                "app": app,
                "template": hashlib.sha256(json.dumps(_ONE_DEPLOY, sort_keys=True).encode()).hexdigest(),
                "deployer": provider_principal(),
                "link": None,
            },
            pulumi.ResourceOptions.merge(opts, fixed),
        )


def release(
    name: str,
    place: Place,
    package: FunctionPackage,
    *,
    container_url: pulumi.Output[str],
    container_id: pulumi.Output[str],
    account_id: pulumi.Output[str],
    app_name: pulumi.Output[str],
    app_id: pulumi.Output[str],
    function: str,
    resource_manager: str,
    deployer_group: str | None,
    parent: pulumi.Resource,
) -> ListedFunction:
    """Upload the package, deploy it to the app, and wait until the app lists `function`.

    All of it is repeated only when the package's hash, the app or the template changes. `container_url` and
    `container_id` name the blob container for packages, `account_id` its account. One Deploy reads the package by a
    link, because reading with the app's identity has not been observed to work.
    """
    deployer_id, deployer_type = deployer_principal(deployer_group)
    wanted = [
        ("deployer-uploads-code", Role.BLOB_CONTRIBUTOR, container_id),
        ("deployer-signs-link", Role.BLOB_DELEGATOR, account_id),
    ]
    may_upload = [
        grant(reason, role, scope=scope, principal_id=deployer_id, principal_type=deployer_type, parent=parent)
        for reason, role, scope in wanted
    ]
    uploaded = UploadedPackage(
        PACKAGE_NAME, package, container_url, app_id, pulumi.ResourceOptions(parent=parent, depends_on=may_upload)
    )
    taken = resources.Deployment(
        name,
        resource_group_name=place.group_name,
        properties=resources.DeploymentPropertiesArgs(
            mode=resources.DeploymentMode.INCREMENTAL,
            template=_ONE_DEPLOY,
            parameters={
                "app": resources.DeploymentParameterArgs(value=app_name),
                "packageUri": resources.DeploymentParameterArgs(value=uploaded.link),
                "packageSha256": resources.DeploymentParameterArgs(value=uploaded.sha256),
            },
        ),
        tags=place.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return ListedFunction(
        f"{name}-listed",
        function,
        app_id,
        package.sha256,
        resource_manager,
        pulumi.ResourceOptions(parent=parent, depends_on=[taken]),
    )


# azure-native has no class for a site's extensions. The link is a secureString: the group's list of deployments does
# not show it. The hash stands among the parameters only so that a new package is a new deployment.
_ONE_DEPLOY = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {
        "app": {"type": "string"},
        "packageUri": {"type": "secureString"},
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
