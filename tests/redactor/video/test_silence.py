"""Silenced sound is silent in its stretch, the same elsewhere, and stays in sync."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import redactor
from redactor import Options
from redactor.review.decisions import Decisions, Silence, Sound, Stretch
from redactor.review.writing import write
from redactor.video.identity import identity

SCALE = 1000  # ticks a second
START, END = 0.7, 1.1  # seconds
FRAME = 1024
QUIET = 1e-4  # of full scale; -80 dB


@dataclass(frozen=True)
class Heard:
    """Samples (channels, count) from `start` on, in samples of the file's clock."""

    samples: NDArray[np.float64]
    start: int
    rate: int
    codec: str

    def between(self, start: float, end: float) -> NDArray[np.float64]:
        """Return the samples between two times in seconds."""
        return self.samples[:, round(start * self.rate) - self.start : round(end * self.rate) - self.start]

    def level(self, pitch: float, start: float, end: float) -> float:
        """Return a pitch's amplitude between two times."""
        part = self.between(start, end)[0]
        wave = np.exp(-2j * np.pi * pitch * np.arange(part.size) / self.rate)
        return float(2 * abs((part * wave).mean()))


def heard(path: Path, number: int = 0) -> Heard:
    with av.open(str(path)) as container:
        stream = container.streams.audio[number]
        parts, start = [], None
        for frame in container.decode(stream):
            start = round((frame.time or 0) * frame.sample_rate) if start is None else start
            samples: NDArray[Any] = frame.to_ndarray()
            if not frame.format.is_planar:
                samples = samples.reshape(-1, frame.layout.nb_channels).T
            full = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
            parts.append(samples.astype(np.float64) / full)
        return Heard(np.concatenate(parts, axis=1), start or 0, stream.rate, stream.codec_context.codec.canonical_name)


@pytest.fixture
def silenced(walk: Any, recipe: Any, make_clip: Any, tmp_path: Path) -> Callable[..., tuple[Path, Path, Any]]:
    """Return a function that makes a clip, silences it, and returns both files and the result."""

    def run(name: str, out: str, *sound: Silence, **more: Any) -> tuple[Path, Path, Any]:
        clip = make_clip(walk(50, 64, 48), recipe(name=name, time_base=Fraction(1, 25), **more))
        path = tmp_path / "decisions.json"
        write(path, Decisions(SCALE, identity(clip), sound=sound or (stretch(Sound.MUTE),)))
        return clip, tmp_path / out, redactor.redact(clip, tmp_path / out, Options(decisions=path))

    return run


def stretch(action: Sound, start: float = START, end: float = END) -> Silence:
    return Silence(action, Stretch(round(start * SCALE), round(end * SCALE)))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("clip.mp4", {}),
        ("clip.mp4", {"tone_rate": 48000}),
        ("clip.mkv", {}),
        ("clip.ts", {"tone_rate": 48000}),
        ("clip.mov", {"audio": ("aac", "aac")}),
    ],
)
def test_aac_keeps_all_packets_but_those_of_the_stretch(
    name: str, more: Any, silenced: Any, tmp_path: Path, read_video: Any
) -> None:
    clip, out, result = silenced(name, "out.mp4", **more)
    redactor.redact(clip, plain := tmp_path / "plain.mp4")
    for number in range(len(more.get("audio", "1"))):
        before, after = heard(plain, number), heard(out, number)
        assert (after.rate, after.start, after.samples.shape) == (before.rate, before.start, before.samples.shape)
        assert np.abs(after.between(START, END)).max() < QUIET
        fade = 2 * FRAME / before.rate
        for start, end in ((0.05, START - fade), (END + fade, 1.9)):
            # FFmpeg's decoder fills bands with noise of its own, which depends on what it decoded before.
            assert after.between(start, end) == pytest.approx(before.between(start, end), abs=QUIET)
        # Within the fades nothing is much louder than before: there is no click.
        assert np.abs(after.between(START - fade, END + fade)).max() < 1.3 * np.abs(before.samples).max()
        one, other = read_video(plain).audio[number], read_video(out).audio[number]
        assert [time for time, _ in other] == [time for time, _ in one]
        changed = [time for (time, data), (_, new) in zip(one, other, strict=True) if data != new]
        assert START - fade < min(changed) < START
        assert END - fade < max(changed) < END
    assert not [one for one in result.converted if "audio" in one]


def test_a_bleep_is_a_tone_in_place_of_the_sound(silenced: Any) -> None:
    clip, out, _ = silenced("clip.mp4", "out.mp4", stretch(Sound.BLEEP))
    before, after = heard(clip), heard(out)
    assert after.level(1000, START + 0.05, END - 0.05) == pytest.approx(0.2, abs=0.02)
    assert after.level(440, START + 0.05, END - 0.05) < 0.002
    assert before.level(440, START, END) > 0.2
    assert np.array_equal(after.between(0, 0.6), before.between(0, 0.6))


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_f32le", "pcm_alaw"])
def test_pcm_is_exact_to_the_sample(codec: str, silenced: Any) -> None:
    both = stretch(Sound.MUTE), stretch(Sound.BLEEP, 1.3, 1.5)
    clip, out, _ = silenced("clip.mov", "out.mov", *both, audio=(codec,))
    before, after = heard(clip), heard(out)
    assert (after.codec, after.samples.shape) == (codec, before.samples.shape)
    assert np.abs(after.between(START, END)).max() <= (0.001 if codec == "pcm_alaw" else 0)  # A-law has no zero
    for start, end in ((0, START), (END, 1.3), (1.5, 2.0)):
        assert np.array_equal(after.between(start, end), before.between(start, end))
    assert after.level(1000, 1.32, 1.48) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize(
    ("name", "codec", "out"),
    [("clip.mp4", "libmp3lame", "out.mp4"), ("clip.mp4", "ac3", "out.mp4"), ("clip.mkv", "flac", "out.mov")],
)
def test_other_sound_is_encoded_as_a_whole(name: str, codec: str, out: str, silenced: Any) -> None:
    clip, made, result = silenced(name, out, audio=(codec,))
    before, after = heard(clip), heard(made)
    assert after.codec == "aac"
    assert np.abs(after.between(START + 0.03, END - 0.03)).max() < 0.001
    assert any("to aac" in one for one in result.converted)
    for start, end in ((0.1, START - 0.05), (END + 0.05, 1.8)):
        one, other = before.between(start, end)[0], after.between(start, end)[0]
        assert np.corrcoef(one, other)[0, 1] > 0.99  # in sync: at 440 Hz a shift of 0.3 ms would give 0.7


def test_sound_without_a_stretch_is_copied(silenced: Any, read_video: Any) -> None:
    clip, out, _ = silenced("clip.mp4", "out.mp4", stretch(Sound.MUTE, 100, 101))
    assert read_video(out).audio == read_video(clip).audio


def test_muting_is_stronger_than_a_bleep(silenced: Any) -> None:
    _, out, _ = silenced("clip.mp4", "out.mp4", stretch(Sound.MUTE), stretch(Sound.BLEEP))
    assert np.abs(heard(out).between(START, END)).max() < QUIET
