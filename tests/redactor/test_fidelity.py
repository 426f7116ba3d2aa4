"""What a run must leave as it was."""

from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import redactor
from redactor import BlurType, Options

type Made = Callable[[Path], Any]


@pytest.fixture
def redacted(tmp_path: Path) -> Made:
    def run(clip: Path) -> Any:
        out = tmp_path / "out.mp4"
        result = redactor.redact(clip, out, Options(blur_type=BlurType.HIGH))
        return out, result

    return run


def test_frames_times_size_and_sound_are_the_inputs(walking_clip: Path, redacted: Made, read_video: Any) -> None:
    out, result = redacted(walking_clip)
    before, after = read_video(walking_clip), read_video(out)
    assert after.times == before.times
    assert (after.width, after.height, after.pixel_format) == (320, 240, "yuv420p")
    assert after.audio == before.audio
    assert len(before.audio[0]) > 50
    assert (result.frames, result.audio_streams) == (40, 1)


def test_picture_outside_the_face_stays(walking_clip: Path, walk: Any, redacted: Made, read_video: Any) -> None:
    out, _ = redacted(walking_clip)
    before, after = read_video(walking_clip), read_video(out)
    for one, other, scene in zip(before.pictures, after.pictures, walk(40, 320, 240), strict=True):
        change = np.abs(one.astype(int) - other.astype(int))
        around = scene.face.scaled(2)
        change[max(0, int(around.top)) : int(around.bottom), max(0, int(around.left)) : int(around.right)] = 0
        assert change.mean() < 2


def test_variable_frame_times_are_kept(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    gaps = list(islice(cycle([512, 1024, 300, 1700]), 29))
    clip = make_clip(walk(30, 160, 120), recipe(times=[0, *accumulate(gaps)]))
    out, _ = redacted(clip)
    assert read_video(out).times == read_video(clip).times
    assert len({b - a for a, b in zip(read_video(out).times, read_video(out).times[1:], strict=False)}) == 4


def test_video_that_starts_late_still_does(
    walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any
) -> None:
    clip = make_clip(walk(20, 160, 120), recipe(times=[6400 + 512 * index for index in range(20)]))
    out, _ = redacted(clip)
    assert read_video(out).times == read_video(clip).times
    assert read_video(out).times[0] == Fraction(1, 2)
    assert read_video(out).audio == read_video(clip).audio


def test_odd_size_is_kept(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    clip = make_clip(walk(10, 161, 121), recipe(pixel_format="yuv444p"))
    out, _ = redacted(clip)
    after = read_video(out)
    assert (after.width, after.height, len(after.times)) == (161, 121, 10)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotation_is_kept_and_detection_is_upright(
    rotation: int, walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any
) -> None:
    scenes = walk(12, 320, 240)
    lying = [type(s)(np.ascontiguousarray(np.rot90(s.pixels, -rotation // 90)), None) for s in scenes]
    clip = make_clip(lying, recipe(rotation=rotation))
    out, result = redacted(clip)
    assert read_video(out).rotation == read_video(clip).rotation
    assert abs(read_video(out).rotation) == abs(rotation)
    assert result.frames_with_faces == 12


def test_ten_bits_stay_ten_bits(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    options = {"crf": "20", "preset": "ultrafast", "x265-params": "log-level=none"}
    clip = make_clip(walk(12, 320, 240), recipe(codec="libx265", pixel_format="yuv420p10le", options=options))
    out, result = redacted(clip)
    after = read_video(out)
    assert (after.codec, after.pixel_format, result.frames_with_faces) == ("hevc", "yuv420p10le", 12)


def test_colour_tags_and_pixel_shape_are_kept(
    walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any
) -> None:
    clip = make_clip(walk(8, 160, 120), recipe(colour=(2, 1, 1, 1), pixel_format="yuvj420p", aspect=Fraction(4, 3)))
    out, _ = redacted(clip)
    before, after = read_video(clip), read_video(out)
    assert after.colour == before.colour == (2, 1, 1, 1)
    assert after.aspect == before.aspect == Fraction(4, 3)


def test_interlaced_stays_interlaced(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    clip = make_clip(walk(8, 320, 256), recipe(interlaced=True))
    out, _ = redacted(clip)
    assert all(read_video(clip).interlaced)
    assert all(read_video(out).interlaced)


def test_every_audio_stream_is_kept(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    clip = make_clip(walk(20, 160, 120), recipe(audio=("aac", "ac3")))
    out, result = redacted(clip)
    assert result.audio_streams == 2
    assert read_video(out).audio == read_video(clip).audio


def test_silent_video_is_fine(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    out, result = redacted(make_clip(walk(6, 160, 120), recipe(audio=())))
    assert result.audio_streams == 0
    assert read_video(out).streams == ["video"]


def test_chapters_are_kept(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    out, _ = redacted(make_clip(walk(6, 160, 120), recipe(chapters=True)))
    assert read_video(out).chapters == ["One"]


def test_place_and_names_are_left_out_and_said_so(
    walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any
) -> None:
    clip = make_clip(walk(6, 160, 120), recipe(metadata={"location": "+48.1-016.4/", "artist": "Ada"}))
    assert "location" in read_video(clip).metadata
    out, result = redacted(clip)
    assert not {"location", "artist"} & set(read_video(out).metadata)
    assert any("artist" in name and "location" in name for name in result.dropped)


def test_index_comes_first_so_that_browsers_start_at_once(walking_clip: Path, redacted: Made) -> None:
    out, _ = redacted(walking_clip)
    data = out.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_matroska_in_gives_mp4_out(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    clip = make_clip(walk(10, 160, 120), recipe(name="clip.mkv", time_base=Fraction(1, 1000)))
    out, _ = redacted(clip)
    assert read_video(out).times == read_video(clip).times
    assert [data for _, data in read_video(out).audio[0]] == [data for _, data in read_video(clip).audio[0]]
