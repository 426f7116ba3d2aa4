"""Streams of sound that cannot be kept, begin late, or change midway."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

import redactor
from redactor.video.restarts import AnyPacket


def with_sound(source: Path, target: Path, *sounds: tuple[str, str, float, float]) -> Path:
    """Copy the video of `source`, and add sounds: codec, layout, and seconds at which they begin and end."""
    with av.open(str(source)) as one, av.open(str(target), "w") as other:
        copy = other.add_stream_from_template(one.streams.video[0])
        added = [other.add_stream(codec, rate=48000, layout=layout) for codec, layout, _, _ in sounds]
        packets: list[AnyPacket] = []
        demuxed: Iterator[AnyPacket] = one.demux()
        for packet in demuxed:
            if packet.size:
                packet.stream = copy
                packets.append(packet)
        for stream, (_, layout, start, end) in zip(added, sounds, strict=True):
            assert isinstance(stream, AudioStream)
            packets += tone(stream, layout, start, end)
        packets.sort(key=lambda packet: float((packet.dts or 0) * Fraction(str(packet.time_base))))
        for packet in packets:
            other.mux(packet)
    return target


def tone(stream: AudioStream, layout: str, start: float, end: float) -> list[AnyPacket]:
    channels = av.AudioLayout(layout).nb_channels
    packets: list[AnyPacket] = []
    for at in range(round(start * 48000), round(end * 48000), 1024):
        wave = 0.4 * np.sin(np.arange(at, at + 1024) * 2 * np.pi * 440 / 48000)
        frame = AudioFrame.from_ndarray(np.tile(wave.astype(np.float32), (channels, 1)), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = 48000, at, Fraction(1, 48000)
        packets += stream.encode(frame)
    return packets + stream.encode(None) if end > start else []


def heard(path: Path) -> tuple[float, float]:
    """Return the seconds in which a file's sound begins and ends."""
    loud: list[float] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            assert frame.pts is not None
            level = np.abs(frame.to_ndarray().astype(float)).max() / (1 if "flt" in frame.format.name else 32768)
            if level > 0.1:
                loud.append(float(frame.pts * Fraction(str(frame.time_base))))
    return loud[0], loud[-1]


def test_sound_of_an_unknown_codec_is_left_out_by_name(flashes: Any, beacon: Any, tmp_path: Path) -> None:
    """Some phones record spatial sound beside AAC."""
    plain = beacon(flashes(name="plain.mov", sound=None, seconds=2, at=(0.4,)))
    both = with_sound(plain, tmp_path / "both.mov", ("aac", "stereo", 0, 2), ("alac", "stereo", 0, 2))
    both.write_bytes(both.read_bytes().replace(b"alac", b"apac"))
    result = redactor.redact(both, tmp_path / "out.mp4")
    assert result.audio_streams == 1
    assert "audio stream 2 (unknown), of an unknown codec" in result.dropped
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]


def test_a_stream_that_holds_no_sound_is_left_out_by_name(flashes: Any, beacon: Any, tmp_path: Path) -> None:
    plain = beacon(flashes(name="plain.ts", sound=None, seconds=2, at=(0.4,)))
    named = with_sound(plain, tmp_path / "named.ts", ("aac", "stereo", 0, 2), ("mp2", "stereo", 0, 0))
    result = redactor.redact(named, tmp_path / "out.mp4")
    assert result.audio_streams == 1
    assert [line for line in result.dropped if line.startswith("audio stream 2")]
    assert result.frames == 50


@pytest.mark.parametrize(("codec", "suffix"), [("aac", "ts"), ("ac3", "ts"), ("mp2", "vob")])
def test_sound_that_begins_late_is_kept(codec: str, suffix: str, flashes: Any, beacon: Any, tmp_path: Path) -> None:
    """It begins later than a demuxer searches."""
    video = "libx264" if suffix == "ts" else "mpeg2video"  # demuxers must recognise it in a program stream
    plain = beacon(flashes(name="plain.mkv", codec=video, sound=None, seconds=24))
    late = with_sound(plain, tmp_path / f"late.{suffix}", (codec, "stereo", 20, 23))
    result = redactor.redact(late, tmp_path / "out.mp4")
    assert (result.frames, result.audio_streams) == (600, 1)
    assert not [line for line in result.dropped if "audio" in line]
    assert heard(tmp_path / "out.mp4") == pytest.approx((20, 23), abs=0.05)


def test_sound_that_changes_its_channels_is_converted_as_a_whole(flashes: Any, beacon: Any, tmp_path: Path) -> None:
    plain = beacon(flashes(name="plain.ts", sound=None, seconds=3, at=(0.4,)))
    data = b"".join(
        with_sound(plain, tmp_path / f"{layout}.ts", ("aac", layout, 0, 3)).read_bytes()
        for layout in ("stereo", "mono", "5.1")
    )
    (tmp_path / "changing.ts").write_bytes(data)
    result = redactor.redact(tmp_path / "changing.ts", tmp_path / "out.mp4")
    assert result.frames == 225
    assert "audio stream 1 (aac) to aac, as a whole, since it changes on the way" in result.converted
    start, end = heard(tmp_path / "out.mp4")
    assert start < 0.1
    assert end == pytest.approx(9, abs=0.2)
