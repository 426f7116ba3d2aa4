"""Each example runs as its page shows, with the described result."""

import re
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

ROOT = Path(__file__).parents[2]
DEADLINE = 120
SIZE = (240, 240)
FACE = (slice(34, 94), slice(80, 130))  # eyes to chin of the astronaut at 240x240

pytestmark = pytest.mark.video


def portrait() -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(data.astronaut(), SIZE, interpolation=cv2.INTER_AREA), np.uint8)  # type: ignore[no-untyped-call]


def film(path: Path) -> Path:
    """Twelve frames of the same person."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(portrait(), "rgb24")))
        container.mux(stream.encode(None))
    return path


def change(path: Path) -> float:
    """Mean difference between a video's first frame and the person, over the face."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return float(np.abs(frame[FACE].astype(int) - portrait()[FACE]).mean())


def run(example: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"examples.{example}", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_one_video_is_redacted_and_counted(tmp_path: Path) -> None:
    done = run("one_video", film(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    assert (done.returncode, done.stdout) == (0, "faces: 1, on 12 of 12 frames\n"), done.stderr
    assert done.stderr.endswith("100 %\n")
    assert change(tmp_path / "out.mp4") > 10


def test_a_video_that_cannot_be_read_ends_in_its_code(tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_text("no video")
    done = run("one_video", tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ContentMalformed: in.mp4")


def test_a_folder_is_done_but_for_what_fails_and_once(tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "redacted"
    folder.mkdir()
    film(folder / "a.mp4")
    (folder / "b.mov").write_text("no video")
    (folder / "notes.txt").write_text("no video either")
    first, second = run("folder", folder, out), run("folder", folder, out)
    assert [first.returncode, second.returncode] == [1, 1]
    assert first.stdout.startswith("a.mp4: faces: 1,")
    assert second.stdout == ""
    assert first.stderr.startswith("b.mov: ContentMalformed: ")
    assert [path.name for path in out.iterdir()] == ["a_redacted.mp4"]
    assert change(out / "a_redacted.mp4") > 10


def test_two_passes_keep_who_is_seen_most(tmp_path: Path) -> None:
    done = run("two_passes", film(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    assert (done.returncode, done.stdout) == (0, "kept 1, covered 0\n"), done.stderr
    assert change(tmp_path / "out.mp4") < 5


def test_its_page_names_every_example() -> None:
    page = (ROOT / "examples" / "README.md").read_text()
    there = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert set(re.findall(r"-m examples\.(\w+)", page)) == there
