"""Makes clips in which a flash and a click coincide, and measures both in outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from redactor.video.restarts import AnyPacket

FLASH_SECONDS = 0.2  # duration of both
BRIGHT, LOUD = 128, 0.1
WINDOW = 300  # milliseconds before and after a flash in which its click is searched


@dataclass(frozen=True)
class Beacon:
    """Codec and container of a clip with flashes. `at` holds the seconds of each flash and click."""

    name: str
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    sound: str | None = "aac"
    sound_rate: int = 48000
    rate: int = 25
    time_base: Fraction = Fraction(1, 25)
    seconds: float = 6
    at: Sequence[float] = (0.4, 2.8, 5.2)
    size: tuple[int, int] = (160, 128)
    pixel_format: str = "yuv420p"
    container_options: dict[str, str] = field(default_factory=dict)


def _make(path: Path, beacon: Beacon) -> Path:
    width, height = beacon.size
    with av.open(str(path), "w", options=beacon.container_options) as container:
        video = container.add_stream(beacon.codec, rate=beacon.rate, options=beacon.options)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = width, height, beacon.pixel_format
        video.time_base = video.codec_context.time_base = beacon.time_base
        sound = container.add_stream(beacon.sound, rate=beacon.sound_rate, bit_rate=128_000) if beacon.sound else None
        step = round(1 / (beacon.rate * beacon.time_base))
        packets = []
        for index in range(round(beacon.seconds * beacon.rate)):
            lit = any(0 <= index / beacon.rate - at < FLASH_SECONDS - 1e-6 for at in beacon.at)
            pixels = np.full((height, width, 3), 235 if lit else 20, np.uint8)
            pixels[: height // 2, (index * 4) % (width - 8) :][:, :8] = 90  # something moves
            frame = VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=beacon.pixel_format)
            frame.pts, frame.time_base = index * step, beacon.time_base
            packets += video.encode(frame)
        packets += video.encode(None)
        if sound is not None:
            assert isinstance(sound, AudioStream)
            packets += _clicks(sound, beacon)
        packets.sort(key=lambda packet: float((packet.dts or 0) * Fraction(str(packet.time_base))))
        for packet in packets:
            container.mux(packet)
    return path


def _clicks(stream: AudioStream, beacon: Beacon) -> list[AnyPacket]:
    rate = beacon.sound_rate
    time = np.arange(round(beacon.seconds * rate)) / rate
    wave = 0.5 * np.sin(time * 2 * np.pi * 1000) * sum(((time >= at) & (time < at + FLASH_SECONDS)) for at in beacon.at)
    stereo = np.stack([wave, wave]).astype(np.float32)
    resampler = av.AudioResampler(stream.format.name, stream.layout.name, rate)
    packets: list[AnyPacket] = []
    size = stream.codec_context.frame_size or 1024
    for start in range(0, len(time), size):
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(stereo[:, start : start + size]), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        for part in resampler.resample(frame):
            packets += stream.encode(part)
    return packets + stream.encode(None)


@dataclass(frozen=True)
class Shown:
    """The times, in seconds, that a player shows. `offsets` holds the delay of each flash's click."""

    frames: int
    first: float
    seconds: float
    flashes: list[float]
    offsets: list[float]


def _look(path: Path) -> Shown:
    with av.open(str(path)) as container:
        video, sounds = container.streams.video[0], container.streams.audio
        times: list[float] = []
        bright: list[bool] = []
        length = float(container.duration or 0) / 1e6
        loud = np.zeros(round(length * 1000) + 4000, np.bool_)
        for frame in container.decode(*[video, *sounds[:1]]):
            assert isinstance(frame, VideoFrame | AudioFrame)
            assert frame.pts is not None
            time = float(frame.pts * Fraction(str(frame.time_base)))
            if isinstance(frame, VideoFrame):
                times.append(time)
                bright.append(float(frame.to_ndarray(format="gray").mean()) > BRIGHT)
            else:
                samples = np.abs(frame.to_ndarray().astype(np.float64))
                samples = samples.max(axis=0) if frame.format.is_planar else samples.reshape(frame.samples, -1).max(1)
                scale = 1.0 if "flt" in frame.format.name else 32768.0
                at = np.flatnonzero(samples > LOUD * scale) / frame.sample_rate + time
                loud[np.clip(np.round(at * 1000).astype(int), 0, len(loud) - 1)] = True
    lit = np.zeros_like(loud)
    for one, time in enumerate(times):
        until = times[one + 1] if one + 1 < len(times) else length
        lit[round(max(time, 0) * 1000) : round(until * 1000)] = bright[one]
    starts = np.flatnonzero(lit[1:] & ~lit[:-1]) + 1
    starts = np.concatenate([[0], starts]) if lit[0] else starts
    return Shown(
        frames=len(times),
        first=times[0],
        seconds=length,
        flashes=[float(start) / 1000 for start in starts],
        offsets=[_lag(lit, loud, int(start)) for start in starts] if sounds else [],
    )


def _lag(lit: NDArray[np.bool_], loud: NDArray[np.bool_], start: int) -> float:
    """Return the seconds by which the sound around `start` lags behind the picture, by cross-correlation."""
    length = round(FLASH_SECONDS * 1000)
    low = start - WINDOW
    window = np.arange(low, start + length + WINDOW)
    inside = (window >= 0) & (window < len(lit))
    one = np.where(inside, lit[np.clip(window, 0, len(lit) - 1)], False).astype(float)
    other = np.where(inside, loud[np.clip(window, 0, len(loud) - 1)], False).astype(float)
    # A sine is 0 twice in each period.
    other = np.convolve(other, np.ones(3), "same") > 0
    correlation = np.correlate(other - other.mean(), one - one.mean(), "full")
    return float(np.argmax(correlation) - (len(window) - 1)) / 1000


@pytest.fixture
def beacon(tmp_path: Path) -> Callable[[Beacon], Path]:
    """Return a function from a recipe to a file with flashes and clicks in the test's folder."""
    return lambda recipe: _make(tmp_path / recipe.name, recipe)


@pytest.fixture
def flashes() -> type[Beacon]:
    return Beacon


@pytest.fixture
def look() -> Callable[[Path], Shown]:
    """Return a function that measures what a player shows of a file."""
    return _look
