"""The next process to start removes a killed one's folder."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from local.host.scratch import PREFIX, scratch_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_the_folder_ends_with_the_with() -> None:
    with scratch_folder() as folder:
        (folder / "video").touch()
    assert not folder.exists()


def test_a_killed_process_leaves_nothing_for_long(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f"{PREFIX}{gone.pid}-abc"
    left.mkdir()
    (left / "video").touch()
    with scratch_folder():
        assert not left.exists()


def test_what_a_running_process_uses_stays() -> None:
    with scratch_folder() as first, scratch_folder():
        assert first.exists()
