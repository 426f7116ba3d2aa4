"""Pictures that players skip are no damage. Damage ends the run, or is replaced and reported."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

import redactor
from redactor import BlurType, ContentMalformed, Damaged, Options

SALVAGE = Options(BlurType.BLACK, damaged=Damaged.SALVAGE)


def torn(source: Path, *numbers: int) -> None:
    """Damage the pictures with those numbers, in decoding order."""
    with av.open(str(source)) as container:
        places = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(source.read_bytes())
    for number in numbers:
        place, size = places[number]
        for offset in range(place + size // 3, place + size * 2 // 3):
            data[offset] ^= 0xA5
    source.write_bytes(data)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_recording_that_begins_in_an_open_group_is_shown_as_players_show_it(
    suffix: str, flashes: Any, beacon: Any, look: Any, tmp_path: Path
) -> None:
    """Its first pictures are shown before the first keyframe, and depend on a missing one."""
    options = {"x264-params": "open-gop=1:scenecut=0:keyint=24:bframes=3:b-adapt=0", "preset": "veryfast"}
    whole = beacon(flashes(name="whole.mp4", time_base=Fraction(1, 12800), options=options))
    cut = tmp_path / f"cut.{suffix}"
    with av.open(str(whole)) as one, av.open(str(cut), "w") as other:
        copies = {stream.index: other.add_stream_from_template(stream) for stream in one.streams}
        one.seek(1_200_000)
        begun = False
        for packet in one.demux():
            begun = begun or (packet.stream.type == "video" and packet.is_keyframe)
            if packet.size and begun:
                packet.stream = copies[packet.stream.index]
                other.mux(packet)
    result = redactor.redact(cut, tmp_path / "out.mp4")
    shown = look(tmp_path / "out.mp4")
    assert shown.offsets == pytest.approx([0, 0], abs=0.012)
    if suffix == "mkv":  # MP4's edit list hides them
        (said,) = [line for line in result.converted if line.startswith("pictures: left out")]
        assert ": 3, first at" in said
    assert result.frames == 150 - 24


def test_one_bad_group_is_replaced_by_the_last_good_picture(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    source = make_clip(walk(60, 320, 240), recipe(options={"g": "12", "bf": "2", "preset": "veryfast"}))
    torn(source, 27)
    with pytest.raises(ContentMalformed, match="damaged"):
        redactor.redact(source, tmp_path / "out.mp4")
    result = redactor.redact(source, tmp_path / "out.mp4", SALVAGE)
    video = read_video(tmp_path / "out.mp4")
    assert video.times == [Fraction(number, 25) for number in range(60)]
    assert result.frames_with_faces == 60
    for picture, scene in zip(video.pictures, walk(60, 320, 240), strict=True):
        x, y = (round(share) for share in scene.face.centre)
        assert picture[y - 4 : y + 4, x - 4 : x + 4].mean() < 8
    # Pictures that are shown later but decoded before the damaged one are good.
    *_, last = result.replaced
    assert 24 <= round(result.replaced[0].start * 25) <= 28
    assert last.end == pytest.approx(36 / 25)
    assert 8 <= sum(one.frames for one in result.replaced) <= 12
    frozen = video.pictures[round(last.start * 25)].astype(int)
    for picture in video.pictures[round(last.start * 25) : 34]:
        bare = (frozen > 30) & (picture > 30)  # outside the masks, which move on
        assert abs(picture - frozen)[bare].mean() < 1
    assert len(video.audio[0]) > 90


def test_damage_at_the_start_and_at_the_end_is_black_and_frozen(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    source = make_clip(walk(36, 320, 240), recipe(options={"g": "12", "bf": "0", "preset": "veryfast"}, audio=()))
    torn(source, 0, 30)
    result = redactor.redact(source, tmp_path / "out.mp4", SALVAGE)
    video = read_video(tmp_path / "out.mp4")
    assert len(video.times) == result.frames == 36
    assert max(float(picture.mean()) for picture in video.pictures[:12]) < 4
    assert [(one.start, one.end, one.frames) for one in result.replaced] == [(0, 0.48, 12), (1.2, 1.44, 6)]


@pytest.mark.parametrize("lost", [1, 4, 30])
def test_packets_lost_from_a_transport_stream_cost_their_group(
    lost: int, flashes: Any, beacon: Any, look: Any, tmp_path: Path
) -> None:
    clip = beacon(flashes(name="one.ts", options={"g": "12", "preset": "veryfast", "x264-params": "scenecut=0"}))
    data = clip.read_bytes()
    at = len(data) // 188 // 2 * 188
    clip.write_bytes(data[:at] + data[at + lost * 188 :])
    result = redactor.redact(clip, tmp_path / "out.mp4", SALVAGE)
    shown = look(tmp_path / "out.mp4")
    assert shown.offsets[0] == pytest.approx(0, abs=0.012)
    assert shown.offsets[-1] == pytest.approx(0, abs=0.012)
    assert 140 <= result.frames <= 150
    if any(packet[1] & 0x1F == 1 for packet in (data[n : n + 188] for n in range(at, at + lost * 188, 188))):
        assert sum(one.frames for one in result.replaced) <= 24


def test_a_file_cut_short_is_taken_to_its_end(walking_clip: Path, tmp_path: Path) -> None:
    indexed = tmp_path / "indexed.mp4"
    redactor.redact(walking_clip, indexed)  # the output has its index first
    short = tmp_path / "short.mp4"
    short.write_bytes(indexed.read_bytes()[:-20000])
    result = redactor.redact(short, tmp_path / "out.mp4", SALVAGE)
    assert 20 < result.frames <= 40
    assert any(line.startswith("damage: file is cut short") for line in result.converted)


def test_what_was_replaced_is_in_the_files_own_metadata(walk: Any, recipe: Any, make_clip: Any, tmp_path: Path) -> None:
    source = make_clip(walk(36, 320, 240), recipe(options={"g": "12", "bf": "0", "preset": "veryfast"}, audio=()))
    torn(source, 30)
    redactor.redact(source, tmp_path / "out.mp4", SALVAGE)
    with av.open(str(tmp_path / "out.mp4")) as container:
        said = json.loads(container.metadata["comment"])
    assert said == {"replaced": [{"start": 1.2, "end": 1.44, "frames": 6}]}
