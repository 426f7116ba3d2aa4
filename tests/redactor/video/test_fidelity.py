"""The properties that a run must not change."""

import struct
from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate, cycle, islice
from pathlib import Path
from typing import Any

import av
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


def test_what_an_edit_list_cuts_off_stays_off(
    walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any
) -> None:
    clip = make_clip(walk(20, 160, 120), recipe(audio=()))
    data = bytearray(clip.read_bytes())
    edit = data.index(b"elst") + 12  # duration in milliseconds, and the media time of the start
    length, entered = struct.unpack_from(">II", data, edit)
    struct.pack_into(">II", data, edit, length - 200, entered + 5 * 512)
    clip.write_bytes(data)
    out, result = redacted(clip)
    assert read_video(out).times == read_video(clip).times
    assert len(read_video(clip).times) == result.frames == 15


def test_the_last_frame_is_shown_as_long_as_before(walk: Any, recipe: Any, make_clip: Any, redacted: Made) -> None:
    clip = make_clip(walk(9, 160, 120), recipe(audio=(), times=[0, 512, 1024, 1536, 2048, 3584, 4096, 8192, 8704]))
    out, _ = redacted(clip)

    def seconds(path: Path, header: bytes) -> float:
        data = path.read_bytes()
        scale, length = struct.unpack_from(">II", data, data.index(header) + 16)
        return float(length / scale)

    assert seconds(out, b"mvhd") == pytest.approx(9216 / 12800, abs=0.001)


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


@pytest.mark.parametrize(
    ("codec", "params", "display", "light"),
    [
        ("libx265", "x265-params", "log-level=none:master-display", "max-cll"),
        ("libx264", "x264-params", "mastering-display", "cll"),
    ],
)
def test_hdr10_stays_hdr10(
    codec: str,
    params: str,
    display: str,
    light: str,
    walk: Any,
    recipe: Any,
    make_clip: Any,
    redacted: Made,
    read_video: Any,
) -> None:
    graded = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    options = {"preset": "ultrafast", params: f"{display}={graded}:{light}=1000,400"}
    # BT.2020 primaries and matrix with the PQ transfer; the sound, which comes first, must not hide it.
    clip = make_clip(
        walk(6, 160, 120), recipe(codec=codec, pixel_format="yuv420p10le", options=options, colour=(1, 9, 16, 9))
    )
    out, result = redacted(clip)
    before, after = read_video(clip), read_video(out)
    assert len(before.static_hdr) == 2
    assert after.static_hdr == before.static_hdr
    assert (after.colour, after.pixel_format) == ((1, 9, 16, 9), "yuv420p10le")
    with av.open(str(out)) as container:  # in the container too, for players that look there
        side_data = container.streams.video[0].codec_context.coded_side_data
        assert {bytes(side_data["mastering_display_metadata"]), bytes(side_data["content_light_level"])} == set(
            before.static_hdr.values()
        )
    assert result.dropped == result.converted == ()


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "codec_out", "format_out"),
    [
        ("clip.mp4", "libx264", "yuv422p", "h264", "yuv422p"),
        ("clip.mp4", "libx264", "yuvj444p", "h264", "yuvj444p"),
        ("clip.mp4", "libx264", "yuv422p10le", "h264", "yuv422p10le"),
        ("clip.mp4", "libx265", "yuv420p12le", "hevc", "yuv420p12le"),
        ("clip.mov", "prores_ks", "yuv422p10le", "hevc", "yuv422p10le"),
        ("clip.mkv", "ffv1", "yuv422p", "h264", "yuv420p"),
        ("clip.mkv", "ffv1", "gray", "h264", "yuv420p"),
    ],
)
def test_depth_and_chroma_sampling_are_kept_where_players_do_not_mind(
    name: str,
    codec: str,
    pixel_format: str,
    codec_out: str,
    format_out: str,
    walk: Any,
    recipe: Any,
    make_clip: Any,
    redacted: Made,
    read_video: Any,
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    base = Fraction(1, 1000) if name.endswith("mkv") else Fraction(1, 12800)
    clip = make_clip(
        walk(6, 160, 120),
        recipe(name=name, codec=codec, pixel_format=pixel_format, options=options, time_base=base, audio=()),
    )
    out, result = redacted(clip)
    before, after = read_video(clip), read_video(out)
    assert (after.codec, after.pixel_format) == (codec_out, format_out)
    assert any("pixel format" in change for change in result.converted) == (after.pixel_format != before.pixel_format)
    corner = np.s_[90:, :20]  # far from the face; a wrong range or depth would make it lighter or darker
    assert np.abs(before.pictures[0][corner].mean(axis=(0, 1)) - after.pictures[0][corner].mean(axis=(0, 1))).max() < 3


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", {"x264-params": "tff=1"}),
        ("clip.mp4", "libx264", {"x264-params": "bff=1"}),
        ("clip.ts", "mpeg2video", {"b": "2M"}),
        ("clip.avi", "mpeg4", {"b": "2M"}),
    ],
)
def test_interlaced_stays_interlaced_in_the_same_order(
    name: str,
    codec: str,
    options: dict[str, str],
    walk: Any,
    recipe: Any,
    make_clip: Any,
    redacted: Made,
    read_video: Any,
) -> None:
    kind = recipe(name=name, codec=codec, options=options, time_base=Fraction(1, 25), interlaced=True, audio=())
    clip = make_clip(walk(6, 320, 256), kind)
    out, _ = redacted(clip)
    before, after = read_video(clip), read_video(out)
    assert all(before.interlaced)
    assert all(after.interlaced)
    unknown, top_first = 0, 2
    assert after.field_order == (top_first if before.field_order == unknown else before.field_order)


def test_interlaced_hevc_is_refused_by_name(walk: Any, recipe: Any, make_clip: Any, redacted: Made) -> None:
    options = {"x265-params": "log-level=none:interlace=tff"}
    with pytest.raises(redactor.ContentUnsupported, match="interlaced HEVC"):
        redacted(make_clip(walk(6, 320, 256), recipe(codec="libx265", options=options, audio=())))


def test_every_audio_stream_is_kept(walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any) -> None:
    clip = make_clip(walk(20, 160, 120), recipe(audio=("aac", "ac3")))
    out, result = redacted(clip)
    assert result.audio_streams == 2
    assert result.converted == ()
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


def test_the_containers_colours_override_the_streams(
    walk: Any, recipe: Any, make_clip: Any, redacted: Made, read_video: Any
) -> None:
    options = {"preset": "ultrafast", "x265-params": "log-level=none"}
    clip = make_clip(
        walk(4, 160, 120),
        recipe(codec="libx265", pixel_format="yuv420p10le", options=options, colour=(1, 9, 16, 9), audio=()),
    )
    data = bytearray(clip.read_bytes())
    at = data.index(b"colrnclx") + 8
    struct.pack_into(">3H", data, at, 1, 1, 1)
    clip.write_bytes(data)
    out, result = redacted(clip)
    assert read_video(out).colour[1:] == (1, 1, 1)
    assert [line for line in result.converted if line.endswith("demands: BT709, not SMPTE2084")]
