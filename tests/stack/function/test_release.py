"""The package's release: uploaded with a token, and again only when it has changed."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pulumi
import pytest
from azure.identity import ClientAssertionCredential, ClientSecretCredential, DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from local.graph.program import Graph
from local.host.environment import changed_environment
from local.services.azurite import Azurite
from local.services.entra import Entra
from stack.deployer import deployer_credential
from stack.function.release import BlobUpload
from tests.conftest import CLIENT_ID, LAKE
from tests.stack.conftest import run

LOGINS = ("ARM_", "AZURE_", "IDENTITY_", "MSI_")


def package(folder: Path, url: str, text: str) -> dict[str, Any]:
    (folder / "function_app.py").write_text(text)
    return {"url": url, "sha256": text, "directory": str(folder)}


def test_the_package_is_uploaded_and_removed_with_the_deployers_token(
    azurite: Azurite, entra: Entra, tmp_path: Path
) -> None:
    endpoint = azurite.endpoints[LAKE].blob
    with BlobServiceClient(endpoint, credential=azurite.account_key(LAKE)) as service:
        service.create_container("releases")
        blob = service.get_blob_client("releases", "released-package.zip")
        login = {"AZURE_CLIENT_ID": CLIENT_ID, **entra.environment(CLIENT_ID)}
        with changed_environment(login, without=LOGINS):
            provider = BlobUpload()
            created = provider.create(package(tmp_path, blob.url, "first"))
            assert zipfile.ZipFile(BytesIO(blob.download_blob().readall())).read("function_app.py") == b"first"
            assert created.outs == {"url": blob.url, "sha256": "first"}
            provider.update(created.id, created.outs, package(tmp_path, blob.url, "second"))
            assert zipfile.ZipFile(BytesIO(blob.download_blob().readall())).read("function_app.py") == b"second"
            provider.delete(created.id, created.outs)
            assert not blob.exists()
            provider.delete(created.id, created.outs)  # already deleted, as after an interrupted destroy


def test_only_another_hash_or_address_is_a_change() -> None:
    provider = BlobUpload()
    before = {"url": "https://a/releases/p.zip", "sha256": "1"}
    assert provider.diff("", before, {**before, "directory": "other"}).changes is False
    updated = provider.diff("", before, {**before, "sha256": "2"})
    assert (updated.changes, updated.replaces) == (True, [])
    assert provider.diff("", before, {**before, "url": "https://b/releases/p.zip"}).replaces == ["url"]


def test_an_unchanged_program_declares_the_same_package(dev: Graph) -> None:
    def declared(graph: Graph) -> dict[str, Any]:
        return dict(next(r for r in graph.resources if r.name == "released-package.zip").inputs)

    again = declared(run("dev"))
    assert again == declared(dev)
    assert not Path(again["directory"]).is_absolute()


def test_no_input_of_what_the_program_does_itself_is_an_asset(dev: Graph) -> None:
    """Python's dynamic providers accept none in a diff, with which every `up` after the first begins."""
    own = [r for r in dev.resources if r.kind.startswith("pulumi-python:")]
    assert {r.name for r in own} == {"image-sources", "released-package.zip"}
    values = [value for r in own for value in r.inputs.values()]
    assert not [value for value in values if isinstance(value, pulumi.Asset | pulumi.Archive)]


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, DefaultAzureCredential),
        ({"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c"}, DefaultAzureCredential),
        ({"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c", "ARM_CLIENT_SECRET": "s"}, ClientSecretCredential),
        ({"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c", "ARM_USE_OIDC": "true"}, ClientAssertionCredential),
    ],
)
def test_the_upload_uses_the_login_of_the_azure_provider(environment: dict[str, str], kind: type) -> None:
    with changed_environment(environment, without=LOGINS):
        assert isinstance(deployer_credential(), kind)


def test_code_is_uploaded_by_the_deployer_or_by_members_of_a_group(dev: Graph) -> None:
    def uploader(graph: Graph) -> tuple[str, str]:
        grants = graph.of("authorization:RoleAssignment")
        (upload,) = [each.inputs for each in grants if each.name == "deployer-uploads-code"]
        return upload["principalId"], upload["principalType"]

    group = "22222222-3333-4444-5555-666666666666"
    assert uploader(dev) == ("11111111-0000-0000-0000-000000000000", "User")
    assert uploader(run("dev", deployerGroup=group)) == (group, "Group")
