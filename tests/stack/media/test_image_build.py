"""The image's build by the registry: its failures' messages."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from traceback import format_exception

import pytest

from local.host.certificates import Certificates
from local.host.environment import changed_environment
from local.services.entra import Entra
from stack.media.image_build import ImageBuildError, RegistryBuild
from tests.conftest import CLIENT_ID
from tests.https import https_server

SIGNATURE = "c2lnbmF0dXJl"


class Registry(BaseHTTPRequestHandler):
    """A registry whose builds fail. Its storage takes uploads below `/taken`, and refuses all else with 403."""

    uploads = "taken"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = f"https://{self.headers['Host']}"
        self._answer(
            200,
            {
                "uploadUrl": f"{address}/{self.uploads}?sig={SIGNATURE}",
                "logLink": f"{address}/log?sig={SIGNATURE}",
                "relativePath": "source/1.tar.gz",
                "properties": {"runId": "ca1"},
            },
        )

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201 if self.path.startswith("/taken") else 403, {})

    def do_GET(self) -> None:
        if self.path.startswith("/log"):
            self._answer(403, {})
        else:
            self._answer(200, {"properties": {"status": "Failed"}})

    def _answer(self, status: int, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class FullRegistry(Registry):
    uploads = "refused"


@pytest.fixture
def login(entra: Entra, certificates: Certificates) -> Iterator[None]:
    environment = {**entra.deployer_environment(CLIENT_ID), **certificates.environment}
    with changed_environment(environment, without=("ARM_", "AZURE_", "IDENTITY_", "MSI_")):
        yield


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize(
    ("registry", "said"),
    [
        (FullRegistry, "the sources cannot be uploaded to the registry: Azure answers 403"),
        (Registry, "the image's build ca1 ended in Failed: its log cannot be read: Azure answers 403"),
    ],
)
def test_a_refused_request_to_a_signed_address_is_named_without_its_signature(
    registry: type[Registry], said: str, certificates: Certificates, tmp_path: Path
) -> None:
    context = tmp_path / "context.tar.gz"
    context.write_bytes(b"sources")
    with https_server(registry, certificates) as port:
        inputs = {
            "registry_id": "/registry",
            "tag": "t:1",
            "sha256": "1",
            "context": str(context),
            "resource_manager": f"https://127.0.0.1:{port}",
        }
        with pytest.raises(ImageBuildError) as failed:
            RegistryBuild().create(inputs)
    assert str(failed.value) == said
    assert SIGNATURE not in "".join(format_exception(failed.value))  # Pulumi shows all of it
