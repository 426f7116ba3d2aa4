"""The pack as Pulumi runs it: a process in its own environment, called by the engine."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from policy.rules import RULES

pytestmark = pytest.mark.installs

PROGRAM = Path(__file__).parents[2]
PACK = PROGRAM / "policy"
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # the engine's placeholder for an unknown string


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that is installed from the pack's lock."""
    environment = tmp_path_factory.mktemp("pack") / "venv"
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(environment)],
        ["pip", "install", "--quiet", "--python", str(environment), "-r", str(PACK / "requirements.lock")],
    ):
        subprocess.run([sys.executable, "-m", "uv", *command], check=True)
    return environment / "bin" / "python"


@pytest.fixture(
    scope="module",
    params=[(PACK, "."), (PROGRAM.parent, str(PACK))],
    ids=["from-the-pack", "from-elsewhere"],  # different versions of Pulumi do either
)
def analyzer(python: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    folder, pack = request.param
    command = [str(python), "-u", "-m", "pulumi.policy", "127.0.0.1:0", pack]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port = process.stdout.readline().strip()
            assert port, "the pack stopped before it served"
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            process.kill()


def analyze(analyzer: Any, token: str, inputs: dict[str, Any]) -> list[Any]:
    properties = struct_pb2.Struct()
    properties.update(inputs)
    request = analyzer_pb2.AnalyzeRequest(
        type=token, name="declared", urn=f"urn:pulumi:dev::face-redaction::{token}::declared", properties=properties
    )
    return list(analyzer.Analyze(request, timeout=30).diagnostics)


def test_every_rule_is_a_mandatory_policy(analyzer: Any) -> None:
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=30)
    assert {each.name: each.enforcementLevel for each in info.policies} == {
        rule.name: analyzer_pb2.EnforcementLevel.Value("MANDATORY") for rule in RULES
    }


def test_a_breach_stops_the_update_and_names_the_resource(analyzer: Any) -> None:
    token = "azure-native:storage/v20240101:BlobContainer"
    (found,) = analyze(analyzer, token, {"containerName": "raw", "publicAccess": "Blob"})
    assert found.policyName == "no-public-blobs"
    assert found.enforcementLevel == analyzer_pb2.EnforcementLevel.Value("MANDATORY")
    assert "declared: set publicAccess to None" in found.message


def test_what_a_preview_does_not_know_hides_nothing_behind_it(analyzer: Any) -> None:
    settings = [{"name": "LAKE", "value": UNKNOWN_STRING}, {"name": "BUS", "value": "SharedAccessKey=abc"}]
    found = analyze(
        analyzer,
        "azure-native:web/v20240401:WebApp",
        {
            "serverFarmId": UNKNOWN_STRING,
            "httpsOnly": True,
            "siteConfig": {"minTlsVersion": "1.2", "appSettings": settings},
            "tags": {"project": UNKNOWN_STRING, "stack": "dev"},
        },
    )
    assert [each.policyName for each in found] == ["no-plain-secrets"]
    assert "siteConfig.appSettings[1].value" in found[0].message


def test_a_sound_resource_passes(analyzer: Any) -> None:
    assert not analyze(analyzer, "azure-native:storage/v20240101:Queue", {"queueName": "redaction-jobs"})


def test_what_is_not_azures_is_left_alone(analyzer: Any) -> None:
    assert not analyze(analyzer, "azuread:index/applicationPassword:ApplicationPassword", {"password": "Password=x"})
