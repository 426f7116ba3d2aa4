"""Sub-packages import downwards only, so that each is understood without those above it."""

import ast
from pathlib import Path

ENGINE = Path(__file__).parents[2] / "redactor"
# Lowest first. Modules at the package's top are either below all rooms or above them.
LEVELS = (
    {"errors", "geometry", "version"},
    {"results"},
    {"options", "timing"},
    {"video", "networks"},
    {"faces"},
    {"people", "masks"},
    {"reports"},
    {"engine"},
    {"verification"},
    {"__init__"},
    {"command"},
    {"cli"},
    {"__main__"},
)


def level(room: str) -> int:
    (found,) = [index for index, rooms in enumerate(LEVELS) if room in rooms]
    return found


def imported(file: Path) -> set[str]:
    """The rooms and top modules of the engine that `file` imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "redactor":
            names = [f"redactor.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        found |= {[*name.split("."), "__init__"][1] for name in names if name.split(".")[0] == "redactor"}
    return found


def test_rooms_import_themselves_and_what_is_below_them() -> None:
    upward = []
    for file in sorted(ENGINE.rglob("*.py")):
        own = file.relative_to(ENGINE).with_suffix("").parts[0]
        upward += [
            f"{file.relative_to(ENGINE)} imports {other}"
            for other in sorted(imported(file) - {own})
            if level(other) >= level(own)
        ]
    assert upward == []
