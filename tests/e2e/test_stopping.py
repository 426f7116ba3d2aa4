"""Stopping `python -m local` at any moment and in any way stops all processes that it started."""

import signal
from pathlib import Path

import pytest

from local.user.sample import sample_clip
from tests.e2e.command import PROGRAM, Command
from tests.e2e.user import until

STOPS_WITHIN = 40.0  # seconds; a worker gives its job back first

STARTING = "Starting the media service"
PROCESSING = "processing"  # printed once the engine runs
# The least number of processes by then: child reaper and Azurite; then API, function, worker and engine too.
COUNTS = {STARTING: 2, PROCESSING: 6}


@pytest.fixture(scope="module")
def clip() -> Path:
    """Long enough to be stopped while it is redacted."""
    return sample_clip(PROGRAM / ".cache")


@pytest.mark.parametrize(
    ("moment", "number"),
    [(STARTING, signal.SIGINT), (PROCESSING, signal.SIGINT), (STARTING, signal.SIGTERM)],
)
def test_asked_to_stop_it_leaves_nothing_behind(tmp_path: Path, clip: Path, moment: str, number: int) -> None:
    out = tmp_path / "out"
    with Command(tmp_path, "redact", clip, "--out", out) as command:
        until(lambda: moment in command.output)
        assert len(command.children()) >= COUNTS[moment]
        command.send(number)
        assert command.wait(STOPS_WITHIN) == 130
        assert (command.children(), command.temporary_files()) == ([], [])
    assert list(out.iterdir()) == []
    assert command.errors == "stopped\n"


def test_killed_it_still_takes_its_processes_with_it(tmp_path: Path, clip: Path) -> None:
    with Command(tmp_path, "redact", clip, "--out", tmp_path / "out") as command:
        until(lambda: PROCESSING in command.output)
        assert len(command.children()) >= COUNTS[PROCESSING]
        command.send(signal.SIGKILL)
        until(lambda: not command.children(), within=STOPS_WITHIN)
