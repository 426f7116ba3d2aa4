"""The media service's image, as far as it can be checked without a build."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("mediaservice", "redactor")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DEPLOYED = ("mediaservice/requirements.lock", "function/requirements.lock")
LOCKS = ["requirements.lock", *(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("[a-z]*/*.lock")))]


def pins(lock: str) -> dict[str, str]:
    """Package → version."""
    return dict(re.findall(r"^([\w.-]+)==([^\s\\]+)", (ROOT / lock).read_text(), flags=re.MULTILINE))


def imported(room: str) -> set[str]:
    """Return the top-level modules that a room's files import, at any level."""
    names: set[str] = set()
    for file in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_it_holds_every_package_that_is_imported(room: str) -> None:
    locked = set(pins("mediaservice/requirements.lock"))
    homes = packages_distributions()
    missing = []
    for module in sorted(imported(room)):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in ROOMS:
            continue
        # `azure` is shared by many packages; the one meant is called like the module
        names = {home.lower().replace("_", "-") for home in homes.get(top, [])}
        if top == "azure":
            names = {name for name in names if module.replace(".", "-").startswith(name)}
        if not names & locked:
            missing.append(module)
    assert missing == []


@pytest.mark.parametrize("lock", DEPLOYED)
def test_what_is_deployed_is_what_was_tested(lock: str) -> None:
    tested = pins("requirements.lock")
    assert {name: version for name, version in pins(lock).items() if tested.get(name) != version} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_installed_is_pinned_by_hash(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def copied() -> set[str]:
    """Return the files of this project that the Dockerfile copies."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    sources = {source for line in lines for source in line.split()}
    assert sources
    return sources


def test_its_sources_reach_a_builder_on_this_machine() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source for source in copied() if source.partition("/")[0] not in let_through} == set()


def test_it_is_installed_by_the_same_uv_as_everything_else_known_by_its_hash() -> None:
    assert pins("mediaservice/installer.lock") == {"uv": pins("requirements.txt")["uv"]}
    (installation,) = re.findall(r"^RUN pip install ((?:.*\\\n)*.*)$", DOCKERFILE, flags=re.MULTILINE)
    assert {"--require-hashes", "--no-deps", "/build/installer.lock"} <= set(installation.split())
    assert re.findall(r"\buv==", DOCKERFILE) == []


def test_its_base_is_named_by_digest_at_a_registry_that_does_not_count_the_pulls_of_a_shared_address() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, flags=re.MULTILINE)
    names = {name for _, name in stages if name}
    bases = {image for image, _ in stages if image not in names}
    assert bases
    for base in bases:
        assert re.fullmatch(r"public\.ecr\.aws/docker/library/[\w.:/-]+@sha256:[0-9a-f]{64}", base), base
