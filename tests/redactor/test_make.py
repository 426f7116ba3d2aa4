"""`make analyze` and `make redact KEEP=…`, on a copy of the Makefile that uses this environment."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE = 300


@pytest.fixture
def checkout(tmp_path: Path, walking_clip: Path) -> Path:
    """Return a folder with the Makefile, a ready environment, and a video with spaces in its name."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "redactor").symlink_to(ROOT / "redactor")
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    shutil.copy(walking_clip, tmp_path / "my party.mp4")
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make. The environment counts as installed."""
    command = ["make", "--silent", "--assume-old=.venv/ready", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_people_are_found_and_kept(checkout: Path) -> None:
    early = make(checkout, "redact", "VIDEO=my party.mp4", "KEEP=1")
    assert early.returncode == 2
    assert "out/my party/my party_annotations.json is not there; first find the people: make analyze" in early.stderr
    assert make(checkout, "analyze", "VIDEO=my party.mp4", "ARGS=--quality fast").returncode == 0
    assert (checkout / "out" / "my party" / "index.html").exists()
    kept = make(checkout, "redact", "VIDEO=my party.mp4", "KEEP=1")
    assert (kept.returncode, "0 people in 0 frames" in kept.stderr) == (0, True)
    assert (checkout / "out" / "my party_redacted.mp4").exists()


def test_an_analysis_without_a_video_is_refused(checkout: Path) -> None:
    done = make(checkout, "analyze")
    assert done.returncode == 2
    assert "VIDEO is missing: a video, a folder of them, or a pattern" in done.stderr
    assert not (checkout / "out").exists()
