"""Sound and picture stay in sync at start, middle and end, from every supported container."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import redactor

TICK_MS = Fraction(1, 1000)
TOLERANCE = 0.012  # seconds; times are measured to a millisecond, and containers round to one


@pytest.mark.parametrize(
    "kind",
    [
        {"name": "clip.mp4"},
        {"name": "clip.mov", "sound": "pcm_s16le"},
        {"name": "clip.mkv", "time_base": TICK_MS, "sound": "flac"},
        {"name": "clip.webm", "codec": "libvpx", "time_base": TICK_MS, "sound": "libopus"},
        {"name": "clip.ts"},
        {"name": "clip.ts", "codec": "mpeg2video", "sound": "mp2"},
        {"name": "clip.mpg", "codec": "mpeg2video", "sound": "mp2"},
        {"name": "clip.vob", "codec": "libx264", "options": {"bf": "0"}, "sound": "ac3"},
        {"name": "clip.flv", "time_base": TICK_MS, "sound_rate": 44100},
        {"name": "clip.avi", "codec": "mpeg4", "sound": "pcm_s16le"},
        {
            "name": "slow.avi",
            "options": {"bf": "0"},
            "sound": "pcm_alaw",
            "sound_rate": 8000,
            "rate": 10,
            "time_base": Fraction(1, 10),
        },
        {"name": "clip.avi", "options": {"bf": "3"}, "sound": "pcm_s16le"},
        {"name": "clip.avi", "codec": "mpeg4", "options": {"bf": "2"}, "sound": "pcm_s16le"},
        {"name": "clip.wmv", "codec": "wmv2", "time_base": TICK_MS, "sound": "wmav2", "sound_rate": 44100},
        {"name": "clip.ogg", "codec": "libvpx", "sound": "flac"},
        {"name": "clip.mxf", "codec": "mpeg2video", "sound": "pcm_s16le"},
    ],
    ids=lambda kind: f"{kind['name']}-{kind.get('codec', 'libx264')}-{kind.get('options', {}).get('bf', '')}",
)
def test_a_click_comes_with_its_flash(kind: Any, flashes: Any, beacon: Any, look: Any, tmp_path: Path) -> None:
    clip = beacon(flashes(**kind))
    redactor.redact(clip, tmp_path / "out.mp4")
    shown = look(tmp_path / "out.mp4")
    rate = kind.get("rate", 25)
    assert shown.frames == 6 * rate
    assert shown.seconds == pytest.approx(6, abs=0.1)
    assert len(shown.offsets) == 3
    assert shown.offsets == pytest.approx([0, 0, 0], abs=TOLERANCE)
