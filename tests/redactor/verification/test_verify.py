"""`verify` finds faces that a redacted video still shows, and refuses a video of something else."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

import redactor
from redactor import BlurType, ConfigurationUnsupported, Options, Quality
from redactor.geometry import Box

WIDTH, HEIGHT, FRAMES = 480, 270, 16
CAREFUL = Options(quality=Quality.ACCURATE, blur_type=BlurType.HIGH)

type Change = Callable[[int, Any], Any]


@pytest.fixture
def clip(walk: Any, make_clip: Any, recipe: Any) -> Path:
    path: Path = make_clip(walk(FRAMES, WIDTH, HEIGHT), recipe(name="in.mp4", audio=()))
    return path


@pytest.fixture
def faces(walk: Any) -> list[Box]:
    return [scene.face for scene in walk(FRAMES, WIDTH, HEIGHT)]


def encoded_again(source: Path, to: Path, change: Change, crf: int = 26) -> Path:
    """Encode `source` again, with the RGB pixels of each frame passed through `change`."""
    with av.open(str(source)) as old, av.open(str(to), "w") as new:
        stream = new.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "veryfast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, frame in enumerate(old.decode(video=0)):
            pixels = change(index, frame.to_ndarray(format="rgb24"))
            if pixels is not None:
                new.mux(stream.encode(VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")))
        new.mux(stream.encode(None))
    return to


def blackened(faces: Sequence[Box], frames: range) -> Change:
    def change(index: int, pixels: Any) -> Any:
        if index in frames:
            box = faces[index].scaled(1.3)
            pixels[max(0, round(box.top)) : round(box.bottom), max(0, round(box.left)) : round(box.right)] = 0
        return pixels

    return change


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "redactor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("blur_type", [BlurType.MED, BlurType.HIGH, BlurType.BLACK])
def test_nothing_is_found_where_every_face_is_hidden(blur_type: BlurType, clip: Path, tmp_path: Path) -> None:
    redactor.redact(clip, tmp_path / "out.mp4", Options(quality=Quality.ACCURATE, blur_type=blur_type))
    found = redactor.verify(clip, tmp_path / "out.mp4")
    assert (found.bare_faces, found.bare_frames, found.bare) == (0, 0, ())
    assert (found.frames, found.tracks) == (FRAMES, 1)


def test_another_encoder_hides_nobody(clip: Path, faces: Sequence[Box], tmp_path: Path) -> None:
    again = encoded_again(clip, tmp_path / "again.mp4", lambda _, pixels: pixels)
    (face,) = redactor.verify(clip, again).bare
    assert (face.first_frame, face.last_frame, face.frames) == (0, FRAMES - 1, FRAMES)
    place = face.clearest.box.stretched(WIDTH, HEIGHT)
    assert place.overlap(faces[face.clearest.frame]) > 0.5
    assert face.detail > 0.8


@pytest.mark.parametrize("blur_type", [BlurType.BOX, BlurType.LOW])
def test_an_outline_or_a_light_blur_hides_nobody(blur_type: BlurType, clip: Path, tmp_path: Path) -> None:
    redactor.redact(clip, tmp_path / "out.mp4", Options(quality=Quality.ACCURATE, blur_type=blur_type))
    assert redactor.verify(clip, tmp_path / "out.mp4").bare_faces == 1


def test_a_face_that_is_hidden_for_half_of_the_time_is_found_with_its_frames_and_times(
    clip: Path, faces: Sequence[Box], tmp_path: Path
) -> None:
    half = encoded_again(clip, tmp_path / "half.mp4", blackened(faces, range(10)))
    found = redactor.verify(clip, half)
    (face,) = found.bare
    assert (face.first_frame, face.last_frame, found.bare_frames) == (10, FRAMES - 1, FRAMES - 10)
    assert (face.start, face.end) == pytest.approx((10 / 25, (FRAMES - 1) / 25))


def test_who_is_shown_on_purpose_is_not_reported(clip: Path, tmp_path: Path) -> None:
    redactor.analyze(clip, tmp_path)
    annotations = tmp_path / "in_annotations.json"
    keep = Options(annotations=annotations, keep=frozenset({1}))
    redactor.redact(clip, tmp_path / "out.mp4", keep)
    assert redactor.verify(clip, tmp_path / "out.mp4", keep).bare_faces == 0
    assert redactor.verify(clip, tmp_path / "out.mp4", Options(annotations=annotations)).bare_faces == 1


def test_another_number_of_frames_is_refused(clip: Path, tmp_path: Path) -> None:
    shorter = encoded_again(clip, tmp_path / "shorter.mp4", lambda index, pixels: None if index == 5 else pixels)
    with pytest.raises(ConfigurationUnsupported, match=r"shorter\.mp4: ends after 15 frames, unlike in\.mp4"):
        redactor.verify(clip, shorter)
    with pytest.raises(ConfigurationUnsupported, match=r"in\.mp4: goes on after 15 frames, unlike shorter\.mp4"):
        redactor.verify(shorter, clip)


def test_another_size_is_refused(clip: Path, walking_clip: Path) -> None:
    with pytest.raises(ConfigurationUnsupported, match=r"walk\.mp4: is 320x240, but in\.mp4 is 480x270"):
        redactor.verify(clip, walking_clip)


def test_another_video_is_refused(clip: Path, tmp_path: Path) -> None:
    """Otherwise all its faces would count as hidden."""
    other = encoded_again(clip, tmp_path / "other.mp4", lambda _, pixels: pixels[::-1, ::-1])
    with pytest.raises(ConfigurationUnsupported, match=r"other\.mp4: shows another picture than in\.mp4 in 16 of 16"):
        redactor.verify(clip, other)


def test_a_command_says_where_faces_are_bare_and_ends_with_3(clip: Path, faces: Sequence[Box], tmp_path: Path) -> None:
    half = encoded_again(clip, tmp_path / "half.mp4", blackened(faces, range(10)))
    done = run("verify", clip, half)
    assert done.returncode == 3
    first, second = done.stdout.splitlines()
    assert first.endswith("half.mp4: 1 bare face; 16 frames and 1 face track looked at")
    assert second.startswith("bare for 6 frames from 0:00.40, clearest at 0:00.")
    done = run("verify", clip, half, "--json")
    assert done.returncode == 3
    result = json.loads(done.stdout)["result"]
    (bare,) = result["bare"]
    assert (result["bareFaces"], result["bareFrames"]) == (1, 6)
    assert (bare["firstFrame"], bare["lastFrame"], bare["start"], bare["end"]) == (10, 15, 0.4, 0.6)
    assert {"frame", "time", "x", "y", "width", "height", "detail"} < set(bare)


def test_a_command_ends_with_0_where_nothing_is_bare_and_with_2_for_what_cannot_be_compared(
    clip: Path, walking_clip: Path, tmp_path: Path
) -> None:
    redactor.redact(clip, tmp_path / "out.mp4", CAREFUL)
    done = run("verify", clip, tmp_path / "out.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no bare face found" in done.stdout
    for wrong in (walking_clip, clip, tmp_path / "missing.mp4"):
        done = run("verify", clip, wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
