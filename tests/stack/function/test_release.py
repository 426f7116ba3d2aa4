"""The package's release: uploaded with a token, and again only when it has changed."""

import re
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pulumi
from azure.storage.blob import BlobServiceClient

from local.graph.program import Graph
from local.host.environment import changed_environment
from local.services.azurite import Azurite
from local.services.entra import Entra
from stack.function.release import BlobUpload, mark_released
from stack.roles import Role
from tests.conftest import CLIENT_ID, LAKE, PRINCIPAL_ID
from tests.stack.conftest import DEPLOYER, graph_of, run
from tests.stack.test_graph import account, grants
from tests.stack.variants import GIVEN

LOGINS = ("ARM_", "AZURE_", "IDENTITY_", "MSI_")


def package(folder: Path, url: str, text: str) -> dict[str, Any]:
    (folder / "function_app.py").write_text(text)
    return {
        "url": url,
        "sha256": text,
        "directory": str(folder),
        "app": "/sites/a",
        "template": "t",
        "deployer": PRINCIPAL_ID,
    }


def test_the_package_is_uploaded_and_removed_with_the_deployers_token(
    azurite: Azurite, entra: Entra, tmp_path: Path
) -> None:
    endpoint = azurite.endpoints[LAKE].blob
    with BlobServiceClient(endpoint, credential=azurite.account_key(LAKE)) as service:
        service.create_container("releases")
        blob = service.get_blob_client("releases", "released-package.zip")
        with changed_environment(entra.deployer_environment(CLIENT_ID), without=LOGINS):
            provider = BlobUpload()
            created = provider.create(package(tmp_path, blob.url, "first"))
            assert zipfile.ZipFile(BytesIO(blob.download_blob().readall())).read("function_app.py") == b"first"
            assert created.outs
            link, signed = created.outs.pop("link"), created.outs.pop("signed")
            assert datetime.now(UTC) - datetime.fromisoformat(signed) < timedelta(minutes=5)
            assert created.outs == {"url": blob.url, "sha256": "first", "app": "/sites/a", "template": "t"}
            fetched = httpx.get(link).raise_for_status().content  # as One Deploy does, without a token
            assert zipfile.ZipFile(BytesIO(fetched)).read("function_app.py") == b"first"
            assert httpx.get(link.partition("?")[0]).is_client_error
            assert not httpx.put(link, content=b"", headers={"x-ms-blob-type": "BlockBlob"}).is_success
            provider.update(created.id, created.outs, package(tmp_path, blob.url, "second"))
            assert zipfile.ZipFile(BytesIO(blob.download_blob().readall())).read("function_app.py") == b"second"
            provider.delete(created.id, created.outs)
            assert not blob.exists()
            provider.delete(created.id, created.outs)  # already deleted, as after an interrupted destroy


def test_only_another_hash_app_template_or_address_is_a_change_and_signs_a_new_link() -> None:
    provider = BlobUpload()
    before = {"url": "https://a/releases/p.zip", "sha256": "1", "app": "/sites/a", "template": "t"}
    before["link"] = "https://a?sig=old"
    inputs = {**before, "link": None, "deployer": "another"}
    assert provider.diff("", before, {**inputs, "directory": "other"}).changes is False
    for change in ({"sha256": "2"}, {"app": "/sites/b"}, {"template": "u"}):
        updated = provider.diff("", before, {**inputs, **change})
        assert (updated.changes, updated.replaces) == (True, [])
    assert provider.diff("", before, {**before, "url": "https://b/releases/p.zip"}).replaces == ["url"]


def test_a_link_that_has_ended_is_signed_anew_until_the_app_has_taken_the_package(
    azurite: Azurite, entra: Entra, tmp_path: Path
) -> None:
    def ending(link: str, end: datetime) -> str:
        return re.sub(r"\bse=[^&]+", f"se={end:%Y-%m-%dT%H%%3A%M%%3A%SZ}", link)

    with BlobServiceClient(azurite.endpoints[LAKE].blob, credential=azurite.account_key(LAKE)) as service:
        container = service.create_container(f"releases-{uuid.uuid4().hex}")
        blob = container.get_blob_client("released-package.zip")
        with changed_environment(entra.deployer_environment(CLIENT_ID), without=LOGINS):
            provider = BlobUpload()
            inputs = package(tmp_path, blob.url, "first")
            created = dict(provider.create(inputs).outs or {})
            now = datetime.now(UTC)
            fresh = created | {"link": ending(created["link"], now + timedelta(days=1))}
            ended = created | {"link": ending(created["link"], now - timedelta(days=1))}
            soon = created | {"link": ending(created["link"], now + timedelta(minutes=20))}
            assert [provider.diff("", olds, inputs).changes for olds in (fresh, ended, soon)] == [False, True, True]
            mark_released(blob.url, created["signed"])
            assert [provider.diff("", olds, inputs).changes for olds in (fresh, ended, soon)] == [False] * 3
            again = provider.update("", ended, inputs).outs or {}
            assert provider.diff("", ended | {"signed": again["signed"]}, inputs).changes is True
            blob.delete_blob()
            assert provider.diff("", ended, inputs).changes is True
        with changed_environment({}, without=LOGINS):  # somebody who may not look, such as a previewer
            assert provider.diff("", ended, inputs).changes is False


def test_an_unchanged_program_declares_the_same_package(dev: Graph) -> None:
    def declared(graph: Graph) -> dict[str, Any]:
        return dict(next(r for r in graph.resources if r.name == "released-package.zip").inputs)

    again = declared(run("dev"))
    assert again == declared(dev)
    assert not Path(again["directory"]).is_absolute()


def test_no_input_of_what_the_program_does_itself_is_an_asset(dev: Graph) -> None:
    """Python's dynamic providers accept none in a diff, with which every `up` after the first begins."""
    own = [r for r in dev.resources if r.kind.startswith("pulumi-python:")]
    assert {r.name for r in own} == {"image-build", "released-package.zip", "redact-on-upload-listed"}
    values = [value for r in own for value in r.inputs.values()]
    assert not [value for value in values if isinstance(value, pulumi.Asset | pulumi.Archive)]


def test_the_link_is_a_secret_and_no_list_of_deployments_shows_it(dev: Graph) -> None:
    uploaded = next(r for r in dev.resources if r.name == "released-package.zip")
    assert uploaded.secret_outputs == {"link"}
    template = dev.one("resources:Deployment").inputs["properties"]["template"]
    assert template["parameters"]["packageUri"]["type"] == "secureString"


def test_the_deployer_may_sign_links_at_the_packages_account_and_write_to_its_container_alone(dev: Graph) -> None:
    assert grants(dev, DEPLOYER) == {
        (Role.BLOB_CONTRIBUTOR, "releases"),
        (Role.BLOB_DELEGATOR, account(dev, "code")),
    }


def test_code_is_uploaded_by_the_deployer_or_by_members_of_a_group(dev: Graph) -> None:
    def uploader(graph: Graph) -> tuple[str, str]:
        grants = graph.of("authorization:RoleAssignment")
        (upload,) = [each.inputs for each in grants if each.name == "deployer-uploads-code"]
        return upload["principalId"], upload["principalType"]

    assert uploader(dev) == (DEPLOYER, "User")
    assert uploader(graph_of("dev", "given")) == (GIVEN["deployerGroup"], "Group")
