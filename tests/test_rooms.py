"""Imports between rooms are those that docs/architecture.md allows, and go round in no circle."""

import ast
import functools
import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = "docs/architecture.md"
TEXT = (ROOT / PAGE).read_text()
PACKAGES = ("redactor", "mediaservice", "local", "stack")  # with tables of their own
NESTED = ("mediaservice/api", "mediaservice/store", "mediaservice/worker", "stack/media")
ABOVE_ALL = {"tests", "examples"}  # may import every room, and are imported by none

type Rooms = dict[str, set[str]]


def rows(heading: str) -> list[tuple[set[str], set[str]]]:
    """The rooms of each row and the rooms that they may import, from the table under a heading."""
    section = re.split(r"^#+ ", TEXT.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| (`.+?) \| .+ \| (.+) \|$", section, flags=re.MULTILINE)
    return [(set(re.findall(r"`(\w+)/?`", rooms)), set(re.findall(r"`(\w+)/?`", others))) for rooms, others in cells]


@functools.cache
def imports_of(file: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def imports(files: Iterable[Path]) -> set[str]:
    return {name for file in files for name in imports_of(file)}


def between_folders() -> Rooms:
    folders = {path.parent.name for path in ROOT.glob("*/*.py")}
    found: Rooms = {}
    for room in folders - ABOVE_ALL:
        files = [file for file in (ROOT / room).rglob("*.py") if ".venv" not in file.parts]
        found[room] = {name.partition(".")[0] for name in imports(files)} & folders - {room}
    return found


def within(package: str) -> Rooms:
    """The same of a package's sub-packages and modules. An `__init__` without imports is no room."""
    folder, dotted = ROOT / package, package.replace("/", ".") + "."
    files: dict[str, list[Path]] = {}
    for file in folder.rglob("*.py"):
        files.setdefault(file.relative_to(folder).with_suffix("").parts[0], []).append(file)
    if not imports(files["__init__"]):
        del files["__init__"]
    found: Rooms = {}
    for room, own in files.items():
        named = {f"{name}."[len(dotted) :].partition(".")[0] for name in imports(own) if f"{name}.".startswith(dotted)}
        found[room] = {name if name in files else "__init__" for name in named} - {room}
    return found


TABLES = {"## Rooms": between_folders} | {
    f"### In `{package}/`": functools.partial(within, package) for package in PACKAGES
}


@pytest.mark.parametrize("heading", TABLES)
def test_rooms_import_what_their_rows_allow(heading: str) -> None:
    found, table = TABLES[heading](), rows(heading)
    assert {room for rooms, _ in table for room in rooms} == found.keys(), f"{PAGE}, {heading}: its rooms are others"
    for rooms, allowed in table:
        for room in rooms:
            forbidden = found[room] - rooms - allowed
            assert not forbidden, f"{PAGE}, {heading}: {room} may not import {', '.join(sorted(forbidden))}"


@pytest.mark.parametrize("heading", TABLES)
def test_what_is_allowed_goes_round_in_no_circle(heading: str) -> None:
    allowed = {room: others for rooms, others in rows(heading) for room in rooms}
    assert list(TopologicalSorter(allowed).static_order())


@pytest.mark.parametrize("package", [*PACKAGES, *NESTED])
def test_imports_go_round_in_no_circle(package: str) -> None:
    assert list(TopologicalSorter(within(package)).static_order())
