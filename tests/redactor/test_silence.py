"""The engine makes no network request and keeps no data of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import quiet_network

PROGRAM = Path(__file__).parents[2]
# longer than the delay before ONNX Runtime's first report
WORK = """
import sys, time, redactor
redactor.redact(sys.argv[1], sys.argv[2])
time.sleep(12)
"""


def test_a_process_that_redacts_asks_nobody_and_leaves_nothing_in_the_home_directory(
    walking_clip: Path, tmp_path: Path
) -> None:
    home, report, target = tmp_path / "home", tmp_path / "report", tmp_path / "out.mp4"
    home.mkdir()
    command = [sys.executable, "-c", WORK, str(walking_clip), str(target)]
    quiet = quiet_network.can_be_had()
    if quiet:
        command = [sys.executable, quiet_network.__file__, str(report), *command]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "PYTHONPATH": str(PROGRAM)}
    subprocess.run(command, env=environment, check=True, timeout=120)
    assert target.exists()
    assert list(home.rglob("*")) == []
    if not quiet:
        pytest.skip("no network of its own can be had here; only the home directory was looked at")
    assert json.loads(report.read_text()) == []
