"""Containers and codecs in common use."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import redactor

MATROSKA_TIME = Fraction(1, 1000)
OPTIONS = {
    "libvpx-vp9": {"b": "1M", "deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12", "svtav1-params": "log=0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
}
TS_TIME = Fraction(1, 90000)


@pytest.mark.parametrize(
    ("name", "codec", "audio", "time_base", "converted"),
    [
        ("clip.mov", "libx264", "aac", Fraction(1, 12800), ()),
        ("clip.m4v", "libx264", "aac", Fraction(1, 12800), ()),
        ("clip.mkv", "libx264", "flac", MATROSKA_TIME, ()),
        ("clip.ts", "libx264", "mp2", TS_TIME, ()),
        ("clip.flv", "flv", "libmp3lame", MATROSKA_TIME, ("video codec flv1 to h264",)),
        (
            "clip.avi",
            "mpeg4",
            "pcm_s16le",
            Fraction(1, 25),
            ("video codec mpeg4 to h264", "audio stream 1 (pcm_s16le) to aac"),
        ),
        (
            "clip.wmv",
            "wmv2",
            "wmav2",
            MATROSKA_TIME,
            ("video codec wmv2 to h264", "audio stream 1 (wmav2) to aac"),
        ),
        ("clip.webm", "libvpx", "libopus", MATROSKA_TIME, ("video codec vp8 to h264",)),
        ("clip.webm", "libvpx-vp9", "libopus", MATROSKA_TIME, ("video codec vp9 to h264",)),
        ("clip.mkv", "libsvtav1", "libopus", MATROSKA_TIME, ("video codec av1 to h264",)),
        ("clip.mp4", "libx265", "aac", Fraction(1, 12800), ()),
        ("clip.ts", "mpeg2video", "mp2", Fraction(1, 25), ("video codec mpeg2video to h264",)),
        ("clip.mpg", "mpeg2video", "mp2", Fraction(1, 25), ("video codec mpeg2video to h264",)),
        ("clip.mov", "mpeg4", "aac", Fraction(1, 12800), ("video codec mpeg4 to h264",)),
    ],
)
def test_every_kind_of_file_becomes_mp4(
    name: str,
    codec: str,
    audio: str,
    time_base: Fraction,
    converted: tuple[str, ...],
    walk: Any,
    recipe: Any,
    make_clip: Any,
    tmp_path: Path,
    read_video: Any,
) -> None:
    rate = 48000 if audio == "libopus" else 44100
    clip = make_clip(
        walk(20, 320, 240),
        recipe(
            name=name,
            codec=codec,
            audio=(audio,),
            time_base=time_base,
            options=OPTIONS.get(codec, {"b": "2M"}),
            tone_rate=rate,
        ),
    )
    out = tmp_path / "out.mp4"
    result = redactor.redact(clip, out)
    before, after = read_video(clip), read_video(out)
    assert result.converted == converted
    assert (result.frames, result.frames_with_faces) == (20, 20)
    assert after.codec == ("hevc" if codec == "libx265" else "h264")
    # Streams without an index (MPEG-TS) may start at any time. The distances must be the same.
    assert [t - after.times[0] for t in after.times] == [t - before.times[0] for t in before.times]
    if any("aac" in change for change in converted):
        length = after.audio[0][-1][0] - after.audio[0][0][0]
        assert float(length) == pytest.approx(float(before.times[-1] - before.times[0]), abs=0.15)
    else:
        assert [len(data) for _, data in after.audio[0]] == [len(data) for _, data in before.audio[0]]
        assert [data for _, data in after.audio[0]] == [data for _, data in before.audio[0]]


@pytest.mark.parametrize(("codec", "name"), [("libopus", "opus"), ("flac", "flac")])
def test_sound_that_quicktime_cannot_hold_becomes_aac(
    codec: str, name: str, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    clip = make_clip(walk(4, 64, 48), recipe(name="clip.mkv", audio=(codec,), time_base=MATROSKA_TIME, tone_rate=48000))
    result = redactor.redact(clip, tmp_path / "out.mov")
    assert result.converted == (f"audio stream 1 ({name}) to aac",)
    assert read_video(tmp_path / "out.mov").audio[0]


@pytest.mark.parametrize(("name", "tag"), [("out.mp4", "encoder"), ("out.m4v", "encoder"), ("out.mov", "comment")])
def test_the_output_names_its_writer_and_redacting_it_again_reports_no_loss(
    name: str, tag: str, walking_clip: Path, read_video: Any, tmp_path: Path
) -> None:
    redactor.redact(walking_clip, tmp_path / name)
    assert read_video(tmp_path / name).metadata[tag] == f"redactor {redactor.__version__}"
    assert redactor.redact(tmp_path / name, tmp_path / "again.mp4").dropped == ()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_video_of_few_pictures_becomes_hevc(
    count: int, walk: Any, recipe: Any, make_clip: Any, read_video: Any, tmp_path: Path
) -> None:
    """x265 reorders two pictures. A video that ends earlier has no times to decode them at."""
    kind = recipe(
        name="short.mkv", codec="ffv1", pixel_format="yuv420p10le", options={}, audio=(), time_base=MATROSKA_TIME
    )
    result = redactor.redact(make_clip(walk(count, 320, 240), kind), tmp_path / "out.mp4")
    assert result.converted == ("video codec ffv1 to hevc",)
    assert read_video(tmp_path / "out.mp4").times == [Fraction(number, 25) for number in range(count)]
