"""The rooms import each other in one direction only, so that each can be understood without those above it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Room → the rooms that it may import. `local` starts the others as processes.
ALLOWED: dict[str, set[str]] = {
    "redactor": set(),
    "mediaservice": {"redactor"},
    "function": set(),
    "stack": set(),
    "operations": set(),
    "policy": set(),
    "local": set(),
    "benchmarks": {"redactor", "mediaservice", "local"},
}
NESTED = (
    "local",
    "mediaservice",
    "mediaservice.api",
    "mediaservice.store",
    "mediaservice.worker",
    "redactor",
    "stack",
    "stack.media",
)


def imported(file: Path) -> set[str]:
    """The full names of modules that `file` imports, and of what it takes from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_the_rooms_that_it_may(room: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sorted((ROOT / room).rglob("*.py"))
        for name in sorted(imported(file))
        if (other := name.partition(".")[0]) in ALLOWED and other not in ALLOWED[room] | {room}
    ]
    assert wrong == []


@pytest.mark.parametrize("package", NESTED)
def test_the_parts_of_a_room_import_each_other_in_no_circle(package: str) -> None:
    folder = ROOT / package.replace(".", "/")
    imports: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*.py")):
        part = file.relative_to(folder).with_suffix("").parts[0]
        names = {name.removeprefix(f"{package}.") for name in imported(file) if name.startswith(f"{package}.")}
        imports.setdefault(part, set()).update({name.partition(".")[0] for name in names} - {part})
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle
