"""Sound and picture stay together, from every container that is read, at start, middle and end.

The table of docs/fidelity.md has a row for each case here.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

import redactor

PAGE = (Path(__file__).parents[3] / "docs" / "fidelity.md").read_text()
HEAD = "| file | video | sound | video becomes | sound becomes |\n|---|---|---|---|---|\n"
MS = Fraction(1, 1000)
TOLERANCE = 0.012  # seconds; times are measured to a millisecond, and containers round to one
QUICK = {
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12", "svtav1-params": "log=0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libx264": {"preset": "veryfast"},
}
FORMATS = {"prores_ks": "yuv422p10le", "mjpeg": "yuvj420p", "dnxhd": "yuv422p"}


@dataclass(frozen=True)
class Kind:
    suffix: str
    codec: str
    sound: str
    rate: int = 25
    sound_rate: int = 48000
    frames: str | None = None  # B-frames in a row

    def recipe(self) -> dict[str, Any]:
        """For the maker of clips with flashes."""
        coarse = self.suffix in {"mkv", "webm", "flv", "wmv"} and self.codec != "mpeg2video"
        return {
            "name": f"clip.{self.suffix}",
            "codec": self.codec,
            "options": QUICK.get(self.codec, {}) | ({"bf": self.frames} if self.frames else {}),
            "sound": self.sound,
            "rate": self.rate,
            "sound_rate": self.sound_rate,
            "time_base": MS if coarse else Fraction(1, self.rate),
            "pixel_format": FORMATS.get(self.codec, "yuv420p"),
        }


KINDS = [
    Kind("mp4", "libx264", "aac"),
    Kind("mp4", "libx265", "ac3"),
    Kind("mp4", "mpeg4", "libmp3lame", sound_rate=44100),
    Kind("mov", "prores_ks", "pcm_s16le"),
    Kind("mov", "mjpeg", "alac"),
    Kind("mkv", "libx264", "flac"),
    Kind("mkv", "libx265", "eac3"),
    Kind("mkv", "libsvtav1", "libopus"),
    Kind("mkv", "ffv1", "pcm_s24le"),
    Kind("webm", "libvpx", "libopus"),
    Kind("webm", "libvpx-vp9", "libopus"),
    Kind("avi", "mpeg4", "pcm_s16le"),
    Kind("avi", "mpeg4", "adpcm_ms", sound_rate=44100, frames="2"),
    Kind("avi", "mjpeg", "pcm_s16le"),
    Kind("avi", "libx264", "pcm_s16le", frames="3"),
    Kind("avi", "libx264", "pcm_alaw", rate=10, sound_rate=8000, frames="0"),
    Kind("wmv", "wmv2", "wmav2", sound_rate=44100),
    Kind("ts", "libx264", "aac"),
    Kind("ts", "libx265", "ac3"),
    Kind("ts", "mpeg2video", "mp2"),
    Kind("mpg", "mpeg2video", "mp2"),
    Kind("vob", "libx264", "ac3", frames="0"),
    Kind("flv", "libx264", "aac", sound_rate=44100),
    Kind("flv", "flv", "libmp3lame", sound_rate=44100),
    Kind("ogg", "libvpx", "flac"),
    Kind("mxf", "mpeg2video", "pcm_s16le"),
]


def row(kind: Kind, clip: Path, out: Path) -> str:
    """The table's row: codecs by FFmpeg's names."""
    names = []
    for path in (clip, out):
        with av.open(str(path)) as container:
            streams = container.streams.video[0], container.streams.audio[0]
            names += [stream.codec_context.codec.canonical_name for stream in streams]
    return f"| .{kind.suffix} | {' | '.join(names)} |\n"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.suffix}-{kind.codec}-{kind.sound}")
def test_a_click_comes_with_its_flash(kind: Kind, flashes: Any, beacon: Any, look: Any, tmp_path: Path) -> None:
    clip = beacon(flashes(**kind.recipe()))
    result = redactor.redact(clip, tmp_path / "out.mp4")
    assert not any(line.startswith(("sound:", "times: sound")) for line in result.converted)
    shown = look(tmp_path / "out.mp4")
    assert shown.frames == 6 * kind.rate
    assert shown.seconds == pytest.approx(6, abs=0.1)
    assert len(shown.offsets) == 3
    assert shown.offsets == pytest.approx([0, 0, 0], abs=TOLERANCE)
    line = row(kind, clip, tmp_path / "out.mp4")
    assert line in PAGE, line


def test_the_pages_table_has_no_row_that_is_not_proved() -> None:
    table = PAGE[PAGE.index(HEAD) + len(HEAD) :]
    rows = table[: table.index("\n\n") + 1].splitlines()
    suffixes = [line.split(" ")[1].removeprefix(".") for line in rows]
    assert sorted(suffixes) == sorted(kind.suffix for kind in KINDS)
