"""Clocks that begin anywhere, restart, omit or repeat times, or hold decoding times only."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

import redactor
from redactor import ContentMalformed
from redactor.video.restarts import AnyPacket

TICK_MS = Fraction(1, 1000)
SYNC = 0.012  # seconds
TS_PACKET = 188

type Change = Callable[[AnyPacket, int], None]


def remuxed(source: Path, target: Path, change: Change, **options: str) -> Path:
    """Copy packets to another file. `change` gets each packet and its number in its stream."""
    with av.open(str(source)) as one, av.open(str(target), "w", options=options) as other:
        copies = {stream.index: other.add_stream_from_template(stream) for stream in one.streams}
        counts = dict.fromkeys(copies, 0)
        for packet in one.demux():
            if packet.size:
                index = packet.stream.index
                change(packet, counts[index])
                counts[index] += 1
                packet.stream = copies[index]
                other.mux(packet)
    return target


def unchanged(packet: AnyPacket, number: int) -> None:
    """Leave the packet unchanged."""


@pytest.mark.parametrize(
    ("name", "codec", "sound", "offset"),
    [
        ("w.ts", "libx264", "aac", 95400),
        ("w.ts", "libx264", "aac", 95441),  # the clock overflows midway
        ("w.vob", "mpeg2video", "mp2", 95442),
        ("w.ts", "libx264", "aac", 10800),
        ("w.mkv", "libx264", "aac", 10800),
        ("w.flv", "libx264", "aac", 10800),
    ],
)
def test_a_clock_may_begin_anywhere(
    name: str, codec: str, sound: str, offset: int, flashes: Any, beacon: Any, look: Any, tmp_path: Path
) -> None:
    base = Fraction(1, 25) if codec == "mpeg2video" else TICK_MS
    clip = beacon(flashes(name="plain.mkv", codec=codec, sound=sound, sound_rate=44100, time_base=base))
    moved = remuxed(clip, tmp_path / name, unchanged, output_ts_offset=str(offset))
    result = redactor.redact(moved, tmp_path / "out.mp4")
    shown = look(tmp_path / "out.mp4")
    assert (result.frames, shown.frames) == (150, 150)
    assert 0 <= shown.first < 0.05
    assert shown.seconds == pytest.approx(6, abs=0.1)
    assert shown.offsets == pytest.approx([0, 0, 0], abs=SYNC)
    said = any("clock moved to 0 from 10" in line for line in result.converted)
    assert said == name.endswith(("mkv", "flv"))


def test_a_hold_longer_than_what_follows_it_keeps_its_length(
    walk: Any, recipe: Any, make_clip: Any, look: Any, tmp_path: Path
) -> None:
    """Durations in MP4 are distances between decoding times. With B-frames they belong to other pictures."""
    times = [512 * (index + (275 if index > 50 else 0)) for index in range(60)]
    clip = make_clip(walk(60, 160, 120), recipe(times=times, audio=(), options={"bf": "3", "preset": "veryfast"}))
    redactor.redact(clip, tmp_path / "out.mp4")
    assert look(tmp_path / "out.mp4").seconds == pytest.approx((60 + 275) / 25, abs=0.01)


def test_recordings_joined_end_to_end_are_all_there(flashes: Any, beacon: Any, look: Any, tmp_path: Path) -> None:
    data = beacon(flashes(name="one.ts")).read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(data + data)
    result = redactor.redact(joined, tmp_path / "out.mp4")
    shown = look(tmp_path / "out.mp4")
    assert shown.frames == 300
    assert shown.seconds == pytest.approx(12, abs=0.1)
    assert shown.offsets == pytest.approx([0] * 6, abs=SYNC)
    (said,) = result.converted
    assert said.startswith("times: clock restarts bridged: 1, first at 6.0")


@pytest.mark.parametrize("first", [0, 40000])
def test_clocks_that_restart_far_away_are_bridged(
    first: int, flashes: Any, beacon: Any, look: Any, tmp_path: Path
) -> None:
    plain = beacon(flashes(name="one.ts"))
    far = remuxed(plain, tmp_path / "far.ts", unchanged, output_ts_offset="40000").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(far + plain.read_bytes() if first else plain.read_bytes() + far)
    redactor.redact(joined, tmp_path / "out.mp4")
    shown = look(tmp_path / "out.mp4")
    assert (shown.frames, len(shown.offsets)) == (300, 6)
    assert shown.seconds == pytest.approx(12, abs=0.1)
    assert shown.offsets == pytest.approx([0] * 6, abs=SYNC)


def test_counters_of_packets_that_restart_are_no_loss(flashes: Any, beacon: Any, look: Any, tmp_path: Path) -> None:
    """This happens where segments of a stream with one clock are joined."""
    clip = beacon(flashes(name="one.ts"))
    later = remuxed(clip, tmp_path / "later.ts", unchanged, output_ts_offset="6")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(clip.read_bytes() + later.read_bytes())
    result = redactor.redact(joined, tmp_path / "out.mp4")
    assert result.frames == 300
    assert look(tmp_path / "out.mp4").offsets == pytest.approx([0] * 6, abs=SYNC)


@pytest.mark.parametrize("lost", [1, 40])
def test_packets_that_were_lost_are_damage(lost: int, flashes: Any, beacon: Any, tmp_path: Path) -> None:
    """This includes a loss after which a picture or a table begins."""
    clip = beacon(flashes(name="one.ts", sound=None))
    data = clip.read_bytes()
    packets = [data[at : at + TS_PACKET] for at in range(0, len(data), TS_PACKET)]
    pictures = [at for at, packet in enumerate(packets) if packet[1] & 0x1F == 1 and at > len(packets) // 2]
    for at in pictures[:12]:
        clip.write_bytes(b"".join(packets[:at] + packets[at + lost :]))
        with pytest.raises(ContentMalformed, match="damaged"):
            redactor.redact(clip, tmp_path / "out.mp4")


def test_two_pictures_at_one_time_are_both_shown(flashes: Any, beacon: Any, look: Any, tmp_path: Path) -> None:
    def repeat(packet: AnyPacket, number: int) -> None:
        if packet.stream.type == "video" and number % 50 == 30:
            packet.pts = packet.dts = (packet.pts or 0) - 40

    clip = beacon(flashes(name="one.mkv", time_base=TICK_MS, options={"bf": "0"}, sound="flac"))
    result = redactor.redact(remuxed(clip, tmp_path / "equal.mkv", repeat), tmp_path / "out.mp4")
    shown = look(tmp_path / "out.mp4")
    assert shown.frames == 150
    assert shown.offsets == pytest.approx([0, 0, 0], abs=SYNC)
    assert result.converted == ("times: pictures moved a tick behind the one before: 3, first at 1.160 s",)


@pytest.mark.parametrize(("sound", "rate"), [("aac", 44100), ("libopus", 48000), ("flac", 48000)])
def test_two_sound_packets_at_one_time_are_both_heard(
    sound: str, rate: int, flashes: Any, beacon: Any, look: Any, tmp_path: Path
) -> None:
    """Matroska rounds times to milliseconds, and recorders give times to blocks of several packets."""
    clip = beacon(flashes(name="clip.mkv", sound=sound, sound_rate=rate, time_base=Fraction(1, 1000)))
    latest = [0]

    def in_blocks(packet: AnyPacket, number: int) -> None:
        if packet.stream.type != "audio" or packet.pts is None:
            return
        if number % 3 == 0:
            latest[0] = packet.pts
        packet.pts = packet.dts = latest[0]

    result = redactor.redact(remuxed(clip, tmp_path / "blocks.mkv", in_blocks), tmp_path / "out.mp4")
    shown = look(tmp_path / "out.mp4")
    assert shown.frames == 150
    assert len(shown.offsets) == 3
    assert shown.offsets == pytest.approx([0, 0, 0], abs=SYNC)
    assert any("sound packets moved behind the one before" in line for line in result.converted)


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_sound_packets_shorter_than_the_containers_ticks_do_not_drift(
    suffix: str, flashes: Any, beacon: Any, look: Any, tmp_path: Path
) -> None:
    """TrueHD has such packets, and PCM may have them: 40 samples at 44100 Hz last 0.9 ms."""
    clip = beacon(flashes(name="clip.mkv", sound=None, time_base=TICK_MS))
    short = tmp_path / "short.mkv"
    with av.open(str(clip)) as one, av.open(str(short), "w") as other:
        copy = other.add_stream_from_template(one.streams.video[0])
        sound = other.add_stream("pcm_s16le", rate=44100, layout="mono")
        packets: list[AnyPacket] = []
        for at in range(0, 6 * 44100, 40):
            time = np.arange(at, at + 40) / 44100
            loud = sum((time >= start) & (time < start + 0.2) for start in (0.4, 2.8, 5.2))
            wave = (16000 * np.sin(time * 2 * np.pi * 1000) * loud).astype(np.int16)
            frame = AudioFrame.from_ndarray(wave[None], "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 44100, at, Fraction(1, 44100)
            packets += sound.encode(frame)
        for packet in one.demux():
            if packet.size:
                packet.stream = copy
                packets.append(packet)
        for packet in sorted(packets, key=lambda one: float((one.dts or 0) * Fraction(str(one.time_base)))):
            other.mux(packet)
    result = redactor.redact(short, tmp_path / f"out.{suffix}")
    assert not any(line.startswith(("sound:", "times:")) for line in result.converted)
    assert look(tmp_path / f"out.{suffix}").offsets == pytest.approx([0, 0, 0], abs=SYNC)


def test_times_that_are_missing_lie_evenly_between_those_there(
    flashes: Any, beacon: Any, read_video: Any, tmp_path: Path
) -> None:
    """Recorders of program streams give times to some pictures only, and a wrong rate."""
    options = {"bf": "0", "g": "30", "x264-params": "fps=12/1:vfr-input=0", "preset": "veryfast"}
    clip = beacon(flashes(name="cctv.vob", options=options, sound="mp2", seconds=4, at=(0.4, 3)))
    result = redactor.redact(clip, tmp_path / "out.mp4")
    times = read_video(tmp_path / "out.mp4").times
    assert len(times) == 100
    assert {later - earlier for earlier, later in pairwise(times)} == {Fraction(1, 25)}
    assert any("pictures without a time placed evenly" in line for line in result.converted)


def test_pictures_of_avi_are_evenly_timed_in_the_decoders_order(
    flashes: Any, beacon: Any, read_video: Any, tmp_path: Path
) -> None:
    clip = beacon(flashes(name="x.avi", options={"bf": "3"}, sound="pcm_s16le"))
    result = redactor.redact(clip, tmp_path / "out.mp4")
    video = read_video(tmp_path / "out.mp4")
    lit = [bool(picture.mean() > 128) for picture in video.pictures]
    assert [lit.index(True, start) for start in (0, 60, 120)] == [10, 70, 130]
    assert video.times == [Fraction(number, 25) for number in range(150)]
    assert any("pictures timed in the decoder's order" in line for line in result.converted)
