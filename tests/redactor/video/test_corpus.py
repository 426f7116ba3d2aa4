"""The table of what becomes of a folder of files."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpus import STEP, Heard, moved

DEADLINE = 120


def test_every_file_of_a_folder_has_a_row(flashes: Any, beacon: Any, tmp_path: Path) -> None:
    beacon(flashes(name="good.mp4", seconds=3, at=(0.4, 2)))
    (tmp_path / "deeper").mkdir()
    data = beacon(flashes(name="damaged.ts", seconds=3, at=(0.4, 2))).read_bytes()
    (tmp_path / "damaged.ts").write_bytes(data[:-100])
    (tmp_path / "deeper" / "none.mp4").write_text("no video")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.corpus", str(tmp_path), "--jobs", "2"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.endswith(("good.mp4", "damaged.ts", "none.mp4"))] == [
        "refused",
        "refused",
        "redacted",
    ]
    assert next(line for line in lines if line.endswith("good.mp4")).split()[1:5] == ["75", "+0.000", "+0", "ms"]
    assert "none.mp4: not a video" in done.stdout
    assert lines[-1].startswith("2 refused, 1 redacted")
    assert {path.name for path in tmp_path.iterdir()} == {"good.mp4", "damaged.ts", "deeper"}


@pytest.mark.parametrize("samples", [0, 16, -40])
def test_sound_that_moves_against_the_picture_is_noticed(samples: int) -> None:
    times = [number / 25 for number in range(150)]
    loudness = np.random.default_rng(1).random(1200)
    shifted = np.roll(loudness, samples)
    found = moved(Heard(times, 6.0, loudness), Heard(times, 6.0, shifted))
    assert found == pytest.approx(samples * STEP)
