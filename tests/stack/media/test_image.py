"""The media service's image: built by the graph from the sources, or given."""

import gzip
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from local.graph.program import Graph
from stack.media.image_build import RegistryBuild
from stack.media.image_context import build_context
from tests.stack.conftest import PROGRAM, graph_of
from tests.stack.test_graph import closure
from tests.stack.variants import GIVEN


def test_the_image_is_built_from_the_sources_and_tagged_by_their_hash(dev: Graph) -> None:
    build = dev.one("pulumi-python:dynamic/image:ImageBuild").inputs
    tag = build["tag"]
    assert tag == f"face-redaction:{build['sha256'][:16]}"
    assert build["registry_id"] == dev.one("containerregistry:Registry").id
    for kind in ("app:ContainerApp", "app:Job"):
        (container,) = dev.one(kind).inputs["template"]["containers"]
        assert container["image"].endswith(f".azurecr.io/{tag}")


def test_nothing_pulls_before_the_image_is_built_and_its_identity_may_pull(dev: Graph, dev_preview: Graph) -> None:
    for graph in (dev, dev_preview):
        for kind, command in (("app:ContainerApp", "api"), ("app:Job", "worker")):
            before = closure(graph, graph.one(kind))
            assert "pulumi-python:dynamic/image:ImageBuild image-build" in before
            assert f"authorization:RoleAssignment {command}-pulls-image" in before


def test_a_given_image_is_pulled_from_where_it_is() -> None:
    graph = graph_of("dev", "given")
    assert not graph.of("containerregistry:Registry")
    (container,) = graph.one("app:Job").inputs["template"]["containers"]
    assert container["image"] == GIVEN["image"]
    assert not graph.one("app:Job").inputs["configuration"].get("registries")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    for part in ("mediaservice", "redactor"):
        shutil.copytree(PROGRAM / part, folder / part)
    for part in ("Dockerfile", "LICENSE"):
        shutil.copyfile(PROGRAM / part, folder / part)
    return folder


def test_the_same_sources_make_the_same_context_anywhere(sources: Path, tmp_path: Path) -> None:
    here = build_context(PROGRAM, tmp_path / "here")
    there = build_context(sources, tmp_path / "there")
    assert here.sha256 == there.sha256
    assert here.path.read_bytes() == there.path.read_bytes()


def test_another_source_makes_another_context(sources: Path, tmp_path: Path) -> None:
    before = build_context(sources, tmp_path / "cache")
    (sources / "redactor" / "new.py").write_text("")
    assert build_context(sources, tmp_path / "cache").sha256 != before.sha256


def test_the_context_holds_all_that_the_dockerfile_copies_and_no_more(tmp_path: Path) -> None:
    context = build_context(PROGRAM, tmp_path)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(context.path.read_bytes()))) as archive:
        names = archive.getnames()
    lines = (PROGRAM / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    for part in (part for parts in copied for part in parts):
        assert any(name == part or name.startswith(f"{part}/") for name in names), part
    assert {name.split("/")[0] for name in names} == {
        "Dockerfile",
        "LICENSE",
        "mediaservice",
        "redactor",
    }
    assert not [name for name in names if "__pycache__" in name]


def test_the_image_is_built_again_only_when_its_sources_or_its_registry_changed() -> None:
    before = {"registry_id": "/r", "sha256": "1", "tag": "t:1"}
    inputs = {**before, "context": "elsewhere", "deployer": "another", "resource_manager": "https://another"}
    assert RegistryBuild().diff("", before, inputs).changes is False
    assert RegistryBuild().diff("", before, {**inputs, "sha256": "2"}).changes is True
    assert RegistryBuild().diff("", before, {**inputs, "registry_id": "/s"}).changes is True
