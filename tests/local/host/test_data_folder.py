"""A folder of kept data, which two clouds may not use at once, and whose files a crash may have cut short."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.host.data_folder import DataFolderError, held, open_database

SCHEMA = "CREATE TABLE IF NOT EXISTS seen (name TEXT)"
HOLD = """
import sys, time
from pathlib import Path
from local.host.data_folder import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_is_one_process_at_a_time_and_free_when_that_has_been_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    with (
        pytest.raises(DataFolderError, match=f"in use by another local cloud \\(process {holder.pid}\\)"),
        held(tmp_path),
    ):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with held(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("keep", [0.05, 0.3, 0.7])
def test_a_database_that_was_cut_is_set_aside_and_begun_anew(tmp_path: Path, keep: float) -> None:
    file = tmp_path / "state" / "seen.sqlite"
    database = open_database(file, SCHEMA)
    database.executemany("INSERT INTO seen VALUES (?)", [("x" * 1000,) for _ in range(100)])
    database.close()
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * keep)])
    database = open_database(file, SCHEMA)
    assert database.execute("SELECT count(*) FROM seen").fetchone() == (0,)
    database.close()
    assert (tmp_path / "state" / "seen.sqlite.damaged").exists()


def test_a_database_that_is_whole_keeps_what_it_has(tmp_path: Path) -> None:
    for expected in (0, 1):
        database = open_database(tmp_path / "seen.sqlite", SCHEMA)
        assert database.execute("SELECT count(*) FROM seen").fetchone() == (expected,)
        database.execute("INSERT INTO seen VALUES ('a')")
        database.close()
