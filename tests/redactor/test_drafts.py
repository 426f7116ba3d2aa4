"""Drafts of killed runs are removed, and drafts of running ones stay."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redactor import drafts

PROGRAM = Path(__file__).parents[1].parent
# Analyzes until it is killed. At the first progress, drafts may hold a face.
ANALYZE = """
import sys, time, redactor

def progress(_):
    print("begun", flush=True)
    time.sleep(600)

redactor.analyze(sys.argv[1], sys.argv[2], on_progress=progress)
"""


OLD, HELD, NEW = (f".redactor.0123456789abcde{number}.part" for number in range(3))


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_drafts_of_a_killed_run_are_private_and_removed_by_the_next(
    walking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "FRESH_SECONDS", -1.0)
    running = subprocess.Popen(
        [sys.executable, "-c", ANALYZE, str(walking_clip), str(tmp_path)], stdout=subprocess.PIPE, cwd=PROGRAM
    )
    assert running.stdout
    assert running.stdout.readline() == b"begun\n"
    (draft,) = parts(tmp_path)
    assert stat.S_IMODE(draft.stat().st_mode) == 0o700
    drafts.remove_abandoned(tmp_path)
    assert parts(tmp_path) == [draft]  # its process is alive
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    assert parts(tmp_path) == [draft]
    drafts.remove_abandoned(tmp_path)
    assert parts(tmp_path) == []


def test_only_drafts_that_nobody_holds_and_that_are_not_new_are_removed(tmp_path: Path) -> None:
    names = (OLD, HELD, NEW, "old.part", ".redactor.abc.part")
    for name in names:
        (tmp_path / name).touch()
        if name != NEW:
            os.utime(tmp_path / name, (time.time() - 60,) * 2)
    held = drafts.hold(tmp_path / names[1])
    drafts.remove_abandoned(tmp_path)
    os.close(held)
    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])
