"""How tests are shared out among pytest-xdist's workers, and how one test keeps the others waiting."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

# Files and folders → the unit of their tests, which share what is costly to make: a deployment, graphs.
UNITS = {
    **dict.fromkeys([f"tests/engine/test_{name}.py" for name in ("changes", "life", "recovery")], "engine"),
    "tests/policy/": "graphs",
    "tests/stack/": "graphs",
}


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives a worker a file's tests at a time, because they share fixtures, in the order of their collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((unit for place, unit in UNITS.items() if file.startswith(place)), file)


@contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Wait until a test may run: beside others, or `alone`. The workers of a run share `folder`.

    A test that must run alone holds the gate while others finish, so that no new test starts before it.
    """
    with (folder / "gate").open("w") as gate, (folder / "room").open("w") as room:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
