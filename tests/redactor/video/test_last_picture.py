"""Broadcasts end anywhere, but published pictures must be complete: a missing end of the last one is noticed."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from av.video.frame import VideoFrame

import redactor
from redactor import ContentMalformed, Damaged, Options
from redactor.video.source import Source

PACKET = 188
VIDEO = 0x100  # PID of the muxer's first stream
CODECS = [
    ("libx264", {"crf": "16", "preset": "veryfast"}),
    ("libx265", {"x265-params": "log-level=none:keyint=12"}),
    ("libx265", {"x265-params": "log-level=none:bframes=0"}),
    ("mpeg2video", {"b": "1M", "bf": "2"}),
]


def packets_of(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[at : at + PACKET] for at in range(0, len(data), PACKET)]


def is_picture(packet: bytes, *, begins: bool = False) -> bool:
    return int.from_bytes(packet[1:3]) & 0x1FFF == VIDEO and (not begins or bool(packet[1] & 0x40))


def cuts(packets: list[bytes], first: int, last: int) -> Iterator[tuple[int, bool]]:
    """Yield numbers of packets to keep, from the start of a picture to that of another; True if pictures stay whole."""
    starts = [at for at, packet in enumerate(packets) if is_picture(packet, begins=True)]
    for end in range(starts[first], starts[last] + 1):
        following = next((packet for packet in packets[end:] if is_picture(packet)), None)
        yield end, following is None or is_picture(following, begins=True)


def shown(path: Path) -> list[VideoFrame]:
    with Source(path) as source:
        return [item for item in source.items() if isinstance(item, VideoFrame)]


@pytest.mark.parametrize(("codec", "options"), CODECS)
def test_a_recording_that_ends_within_a_picture_is_malformed_and_after_one_is_accepted(
    codec: str, options: dict[str, str], walk: Any, recipe: Any, make_clip: Any
) -> None:
    kind = recipe(name="clip.ts", codec=codec, options=options, time_base=Fraction(1, 25), audio=())
    clip = make_clip(walk(24, 160, 128), kind)
    whole = [frame.to_ndarray().tobytes() for frame in shown(clip)]
    packets = packets_of(clip)
    tried = {True: 0, False: 0}
    for end, intact in cuts(packets, 13, 19):
        clip.write_bytes(b"".join(packets[:end]))
        tried[intact] += 1
        if intact:
            pictures = [frame.to_ndarray().tobytes() for frame in shown(clip)]
            assert set(pictures) <= set(whole) and 10 < len(pictures) < 24
            continue
        try:
            pictures = [frame.to_ndarray().tobytes() for frame in shown(clip)]
        except ContentMalformed as error:
            assert "damaged" in str(error) or "cut short" in str(error)
        else:  # only bytes without content were missing
            assert set(pictures) <= set(whole), f"torn, cut at packet {end}"
    assert tried[True] >= 6 and tried[False] >= 6


@pytest.mark.parametrize(("codec", "options"), CODECS[:2])
def test_a_picture_that_fits_its_packets_exactly_is_complete(
    codec: str, options: dict[str, str], walk: Any, recipe: Any, make_clip: Any
) -> None:
    """It has no stuffing: the packet's adaptation field is taken away, and bytes without content fill the place."""
    kind = recipe(name="clip.ts", codec=codec, options=options, time_base=Fraction(1, 25), audio=())
    clip = make_clip(walk(8, 480, 360), kind)
    frames = len(shown(clip))
    packets = packets_of(clip)
    last = max(at for at, packet in enumerate(packets) if is_picture(packet))
    packet = packets[last]
    assert packet[3] & 0x20 and not packet[1] & 0x40
    payload = packet[5 + packet[4] :]
    filler = bytes(PACKET - 4 - len(payload))  # zeros after a unit are allowed (ISO/IEC 14496-10, B.1)
    packets[last] = packet[:3] + bytes([packet[3] & ~0x20]) + payload + filler
    clip.write_bytes(b"".join(packets))
    assert len(shown(clip)) == frames


def test_a_torn_picture_at_a_joint_of_recordings_is_damage(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    kind = recipe(name="clip.ts", codec="libx265", options=CODECS[1][1], time_base=Fraction(1, 25), audio=())
    clip = make_clip(walk(16, 160, 128), kind)
    whole, packets = clip.read_bytes(), packets_of(clip)
    for end, intact in cuts(packets, 8, 10):
        clip.write_bytes(b"".join(packets[:end]) + whole)
        if intact:
            assert len(shown(clip)) >= 16 + 7
        else:
            with pytest.raises(ContentMalformed, match="damaged"):
                shown(clip)


def test_a_torn_last_picture_is_replaced_if_damage_is_salvaged(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    kind = recipe(name="clip.ts", codec="libx265", options=CODECS[2][1], time_base=Fraction(1, 25), audio=())
    clip = make_clip(walk(12, 160, 128), kind)
    packets = packets_of(clip)
    end = next(end for end, intact in cuts(packets, 8, 11) if not intact)
    clip.write_bytes(b"".join(packets[:end]))
    with pytest.raises(ContentMalformed, match="damaged or cut short"):
        redactor.redact(clip, tmp_path / "out.mp4")
    result = redactor.redact(clip, tmp_path / "out.mp4", Options(damaged=Damaged.SALVAGE))
    assert result.frames == 9
    assert [one.frames for one in result.replaced] == [1]
