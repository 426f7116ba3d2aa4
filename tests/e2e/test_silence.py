"""The local cloud and all of its parts send nothing to other machines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stack.function.package import build_package
from tests import quiet_network
from tests.e2e.clips import make_clip
from tests.e2e.command import PROGRAM
from tests.e2e.user import WITHIN_SECONDS


@pytest.mark.skipif(not quiet_network.can_be_had(), reason="no network of its own can be had here")
def test_a_video_is_redacted_without_anybody_being_asked(tmp_path: Path) -> None:
    report, clip = tmp_path / "report", make_clip(tmp_path / "clip.mp4")
    build_package(PROGRAM / "function", PROGRAM / ".cache" / "function-package")  # from a package registry
    command = [sys.executable, "-m", "local", "redact", str(clip), "--out", str(tmp_path)]
    subprocess.run(
        [sys.executable, quiet_network.__file__, str(report), *command], cwd=PROGRAM, check=True, timeout=WITHIN_SECONDS
    )
    assert len(list(tmp_path.glob("*_redacted.mp4"))) == 1
    assert json.loads(report.read_text()) == []
