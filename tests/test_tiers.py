"""Which tests `make check` leaves out, and what keeps tests that measure time by themselves."""

import fcntl
import re
import threading
import time
from pathlib import Path

import pytest

from tests import tiers
from tests.workers import ByFile, turn

MAKEFILE = (Path(__file__).parents[1] / "Makefile").read_text()


def test_make_check_leaves_out_every_tier(pytestconfig: pytest.Config) -> None:
    registered = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    (left_out,) = re.findall(r"^TIERS = (.+)$", MAKEFILE, flags=re.MULTILINE)
    named = {*tiers.FIXTURES.values(), *(tier for folder in tiers.FOLDERS.values() for tier in folder)}
    assert set(left_out.split(" or ")) == named | {"browser", "installs"}
    assert named <= registered


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/local/host/test_ports.py::test_a", "tests/local/host/test_ports.py"),
        ("tests/engine/test_life.py::test_a", "engine"),
        ("tests/engine/test_settings.py::test_a", "tests/engine/test_settings.py"),
        ("tests/stack/function/test_release.py::test_a", "graphs"),
    ],
)
def test_a_worker_gets_the_tests_that_share_fixtures(test: str, unit: str) -> None:
    assert ByFile.__new__(ByFile)._split_scope(test) == unit


def held(gate: Path) -> bool:
    with gate.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_test_that_is_alone_waits_for_others_and_lets_none_begin(tmp_path: Path) -> None:
    begun: list[str] = []

    def take(name: str, *, alone: bool) -> None:
        with turn(tmp_path, alone=alone):
            begun.append(name)

    with turn(tmp_path, alone=False), turn(tmp_path, alone=False):
        waiting = threading.Thread(target=take, args=("alone",), kwargs={"alone": True})
        waiting.start()
        deadline = time.monotonic() + 60
        while not held(tmp_path / "gate"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        late = threading.Thread(target=take, args=("late",), kwargs={"alone": False})
        late.start()
        late.join(0.1)
        assert begun == []
    for thread in (waiting, late):
        thread.join(60)
    assert begun == ["alone", "late"]
