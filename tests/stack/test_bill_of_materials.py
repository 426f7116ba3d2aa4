"""Bills of materials: valid by CycloneDX's schema, complete, and the same for the same inputs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import redactor
from local.graph.program import Graph
from stack.bill_of_materials import Deployed, bill_of_materials
from tests.stack.conftest import PROGRAM, graph_of

LOCKS = {"function": "function/requirements.lock", "image": "mediaservice/requirements.lock"}


def bills(graph: Graph) -> dict[str, dict[str, Any]]:
    return {name: json.loads(text) for name, text in graph.exports["billsOfMaterials"].items()}


def test_every_bill_is_cyclonedx(dev: Graph) -> None:
    for text in dev.exports["billsOfMaterials"].values():
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    broken = json.loads(dev.exports["billsOfMaterials"]["function"]) | {"serialNumber": "one"}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_a_bill_lists_each_locked_package_and_the_images_base(dev: Graph) -> None:
    found = bills(dev)
    assert set(found) == set(LOCKS)
    for name, lock in LOCKS.items():
        pinned = set(re.findall(r"^([\w.-]+)(?:\[.*\])?==([^\s\\;]+)", (PROGRAM / lock).read_text(), re.MULTILINE))
        listed = {(part["name"], part["version"]) for part in found[name]["components"]}
        base = {("python", "3.13-slim-bookworm")} if name == "image" else set()
        assert listed == pinned | base
        root = found[name]["metadata"]["component"]
        (dependencies,) = [each["dependsOn"] for each in found[name]["dependencies"] if each["ref"] == root["bom-ref"]]
        assert set(dependencies) == {part["bom-ref"] for part in found[name]["components"]}
    (base_part,) = [part for part in found["image"]["components"] if part["name"] == "python"]
    assert f"@sha256:{base_part['hashes'][0]['content']} AS base" in (PROGRAM / "Dockerfile").read_text()


def test_a_bill_names_what_is_deployed_by_its_hash(dev: Graph) -> None:
    deployed = {
        "function": dev.one("pulumi-python:dynamic/release:UploadedPackage").inputs["sha256"],
        "image": dev.one("pulumi-python:dynamic/image:ImageBuild").inputs["sha256"],
    }
    roots = {name: bill["metadata"]["component"] for name, bill in bills(dev).items()}
    assert {name: root["hashes"] for name, root in roots.items()} == {
        name: [{"alg": "SHA-256", "content": sha256}] for name, sha256 in deployed.items()
    }
    assert {root["version"] for root in roots.values()} == {redactor.__version__}


def test_a_given_image_has_no_bill() -> None:
    given = graph_of("dev", "given")
    assert set(bills(given)) == {"function"}


def test_a_bill_changes_with_its_inputs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROGRAM)
    lock = tmp_path / "requirements.lock"
    lock.write_text("six==1.17.0 \\\n    --hash=sha256:00\n")

    def made(folder: str, sha256: str = "1" * 64) -> str:
        return bill_of_materials(Deployed("one", sha256, lock), tmp_path / folder)

    first = made("a")
    assert made("a") == made("b") == first
    assert made("b", "2" * 64) != first
    lock.write_text("six==1.18.0\n")
    assert '"version":"1.18.0"' in made("a")
