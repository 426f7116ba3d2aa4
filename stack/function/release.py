"""The function's package as a blob: an upload with the deployer's token, and a signed link for One Deploy."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pulumi
from pulumi import dynamic

from stack.deployer import check_deployer, deployer_credential, provider_principal
from stack.function.package import FunctionPackage

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

PACKAGE_NAME = "released-package.zip"  # the only name that One Deploy accepts
_STORAGE = "https://storage.azure.com/.default"
_RELEASED = "released"  # metadata of the package: when the link was signed by which the app has taken it
_DEPLOYMENT = timedelta(hours=1)
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
        """Sign a new link only when there is something to deploy with it, or still is once the former one has ended."""
        moved = olds.get("url") != news.get("url")
        changed = moved or any(olds.get(key) != news.get(key) for key in ("sha256", "app", "template"))
        due = changed or (_has_ended(olds.get("link")) and not _is_released(olds))
        return dynamic.DiffResult(changes=due, replaces=["url"] if moved else [])

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
        kept = {key: props.get(key) for key in ("url", "sha256", "app", "template")}
        return {**kept, "link": link, "signed": datetime.now(UTC).isoformat()}


def mark_released(url: str, signed: str | None) -> None:
    """Note at the package that the app runs it, deployed by the link of that time. An upload removes the note."""
    from azure.storage.blob import BlobClient

    with BlobClient.from_blob_url(url, credential=deployer_credential()) as blob:
        blob.set_blob_metadata({_RELEASED: signed or ""})


def _has_ended(link: str | None) -> bool:
    """Return True if a link has ended, or ends too soon for a deployment."""
    (end, *_) = parse_qs(urlsplit(link or "").query).get("se", [""])
    return end != "" and datetime.fromisoformat(end) < datetime.now(UTC) + _DEPLOYMENT


def _is_released(props: dict[str, Any]) -> bool:
    """Return True if the app runs the package, or if this login may not see that, such as a previewer's."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError
    from azure.storage.blob import BlobClient

    try:
        with BlobClient.from_blob_url(props["url"], credential=deployer_credential()) as blob:
            return blob.get_blob_properties().metadata.get(_RELEASED) == (props.get("signed") or "")
    except ResourceNotFoundError:
        return False
    except AzureError:
        return True


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

    `link` is a secret, since it grants read access to the package for a week. If it ends before the app has taken the
    package, because a deployment failed, the next `up` signs another one, at the time `signed`.
    """

    url: pulumi.Output[str]
    sha256: pulumi.Output[str]
    link: pulumi.Output[str]
    signed: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        package: FunctionPackage,
        container_url: pulumi.Output[str],
        app: pulumi.Output[str],
        template: str,
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
                "template": template,
                "deployer": provider_principal(),
                "link": None,
                "signed": None,
            },
            pulumi.ResourceOptions.merge(opts, fixed),
        )
