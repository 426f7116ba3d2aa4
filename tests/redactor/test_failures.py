"""Broken or unsuitable input ends in one clear error, and leaves nothing behind."""

import os
import random
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

import redactor
from redactor import (
    Cancelled,
    ConfigurationUnsupported,
    ContentMalformed,
    ContentUnsupported,
    Options,
    Progress,
    RedactionError,
)

MUTATIONS = int(os.environ.get("MUTATIONS", "30"))  # for each container

type Refused = Callable[[Path, type[RedactionError]], str]


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Expect that error for an input, and an empty output folder. Return the message."""

    def run(source: Path, error: type[RedactionError]) -> str:
        folder = tmp_path / "out"
        folder.mkdir()
        with pytest.raises(error) as caught:
            redactor.redact(source, folder / "out.mp4")
        assert list(folder.iterdir()) == []
        return str(caught.value)

    return run


@pytest.mark.parametrize(
    "content", [b"", b"just text\n", b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile x\n", bytes(9000)]
)
def test_what_is_not_a_video_is_malformed(content: bytes, tmp_path: Path, refused: Refused) -> None:
    source = tmp_path / "party.mp4"
    source.write_bytes(content)
    assert refused(source, ContentMalformed).startswith("party.mp4: not a video")


def test_sound_alone_is_unsupported(walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, refused: Refused) -> None:
    full = make_clip(walk(10, 160, 120), recipe())
    source = tmp_path / "sound.mp4"
    with av.open(str(full)) as one, av.open(str(source), "w") as other:
        stream = other.add_stream_from_template(one.streams.audio[0])
        for packet in one.demux(one.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                other.mux(packet)
    assert refused(source, ContentUnsupported) == "sound.mp4: has no video track"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_file_cut_short_is_malformed(tenth: int, walking_clip: Path, tmp_path: Path, refused: Refused) -> None:
    data = walking_clip.read_bytes()
    source = tmp_path / "short.mp4"
    source.write_bytes(data[: len(data) * tenth // 10])
    assert refused(source, ContentMalformed).startswith("short.mp4: ")


def test_a_file_cut_short_behind_its_index_is_malformed(walking_clip: Path, tmp_path: Path, refused: Refused) -> None:
    indexed = tmp_path / "indexed.mp4"
    redactor.redact(walking_clip, indexed)  # the output has its index first
    source = tmp_path / "short.mp4"
    source.write_bytes(indexed.read_bytes()[:-4000])
    refused(source, ContentMalformed)


@pytest.mark.parametrize(
    ("name", "codec", "audio"),
    [
        ("clip.mkv", "libx264", ("flac",)),
        ("clip.webm", "libvpx", ()),
        ("clip.wmv", "wmv2", ()),
        ("clip.ts", "libx264", ("mp2",)),
        ("clip.avi", "mpeg4", ()),
        ("clip.flv", "flv", ()),
        ("clip.mpg", "mpeg2video", ()),
    ],
)
def test_no_container_can_be_cut_short_unnoticed(
    name: str,
    codec: str,
    audio: tuple[str, ...],
    walk: Any,
    recipe: Any,
    make_clip: Any,
    tmp_path: Path,
) -> None:
    base = Fraction(1, 25) if name.endswith(("avi", "mpg", "ts")) else Fraction(1, 1000)
    clip = make_clip(
        walk(12, 320, 240), recipe(name=name, codec=codec, audio=audio, options={"b": "2M"}, time_base=base)
    )
    data = clip.read_bytes()
    folder = tmp_path / "out"
    folder.mkdir()
    for tenth in range(1, 10):
        length = len(data) * tenth // 10
        clip.write_bytes(data[: length - (length % 188 == 0)])  # not between two packets of MPEG-TS
        with pytest.raises(ContentMalformed, match=rf"^{name}: "):
            redactor.redact(clip, folder / "out.mp4")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"g": "8"}),
        ("mpeg2video", {"g": "8", "bf": "2", "b": "2M"}),
        ("libx265", {"x265-params": "log-level=none:open-gop=1:keyint=8:bframes=2"}),
    ],
)
def test_a_recording_that_begins_anywhere_begins_with_the_first_whole_picture(
    codec: str, options: dict[str, str], walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    kind = recipe(name="clip.ts", codec=codec, options=options, time_base=Fraction(1, 25), audio=())
    clip = make_clip(walk(30, 160, 120), kind)
    whole = read_video(clip)
    data = clip.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    starts = [at for at, packet in enumerate(packets) if int.from_bytes(packet[1:3]) & 0x5FFF == 0x4100]
    clip.write_bytes(b"".join(packets[:3] + packets[starts[4] :]))  # keep the tables that list the streams
    result = redactor.redact(clip, tmp_path / "out.mp4")
    assert 15 <= result.frames <= 24
    after = read_video(tmp_path / "out.mp4")
    assert [at - after.times[-1] for at in after.times] == [
        at - whole.times[-1] for at in whole.times[-result.frames :]
    ]


@pytest.mark.parametrize(
    ("name", "codec", "audio"),
    [
        ("clip.mp4", "libx264", ("aac",)),
        ("clip.mov", "mjpeg", ("pcm_s16le",)),
        ("clip.mkv", "libx265", ("flac",)),
        ("clip.webm", "libvpx", ("libopus",)),
        ("clip.ts", "mpeg2video", ("mp2",)),
        ("clip.avi", "mpeg4", ("libmp3lame",)),
        ("clip.wmv", "wmv2", ("wmav2",)),
    ],
)
def test_flipped_bytes_end_in_a_result_or_in_one_clear_error(
    name: str,
    codec: str,
    audio: tuple[str, ...],
    walk: Any,
    recipe: Any,
    make_clip: Any,
    tmp_path: Path,
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"b": "1M"}
    base = Fraction(1, 1000) if name.endswith(("mkv", "webm", "wmv")) else Fraction(1, 25)
    rate = 48000 if audio == ("libopus",) else 44100
    clip = make_clip(
        walk(6, 160, 128),
        recipe(
            name=name,
            codec=codec,
            audio=audio,
            options=options,
            time_base=base,
            tone_rate=rate,
            pixel_format="yuvj420p" if codec == "mjpeg" else "yuv420p",
        ),
    )
    data = clip.read_bytes()
    folder = tmp_path / "out"
    folder.mkdir()
    for seed in range(MUTATIONS):
        chance = random.Random(f"{name} {seed}")
        mutated = bytearray(data)
        for _ in range(chance.choice([1, 2, 5, 20])):
            # Half of them in the first kilobytes, where most containers describe their content.
            reach = len(data) if chance.random() < 0.5 else min(len(data), 3000)
            mutated[chance.randrange(reach)] = chance.choice([0, 255, chance.randrange(256)])
        clip.write_bytes(mutated)
        try:
            result = redactor.redact(clip, folder / "out.mp4")
        except (ContentMalformed, ContentUnsupported) as error:
            assert str(error).startswith((f"{name}: ", "audio stream "))
        else:
            assert result.frames > 0
            (folder / "out.mp4").unlink()
        assert list(folder.iterdir()) == [], f"seed {seed}"


def test_sound_without_its_description_is_malformed(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, refused: Refused
) -> None:
    kind = recipe(name="clip.mkv", audio=("flac",), time_base=Fraction(1, 1000))
    clip = make_clip(walk(6, 160, 128), kind)
    data = clip.read_bytes()
    place = data.rindex(b"\x63\xa2", 0, data.index(b"fLaC"))  # the id of Matroska's CodecPrivate
    clip.write_bytes(data[:place] + b"\x63\xa9" + data[place + 2 :])
    assert refused(clip, ContentMalformed).startswith("clip.mkv: a stream's description is damaged")


def test_an_encrypted_track_is_refused_by_name(walk: Any, tmp_path: Path, refused: Refused) -> None:
    source = tmp_path / "locked.mp4"
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76" * 16, "encryption_kid": "a7" * 16}
    with av.open(str(source), "w", options=key) as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for index, scene in enumerate(walk(4, 160, 120)):
            frame = VideoFrame.from_ndarray(scene.pixels, "rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert refused(source, ContentUnsupported) == "locked.mp4: video stream 0 is encrypted"


@pytest.mark.parametrize("size", [(2, 2), (10000, 16), (16, 10000)])
def test_sizes_at_the_limits_are_fine(
    size: tuple[int, int], walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    clip = make_clip(walk(2, *size), recipe(audio=()))
    result = redactor.redact(clip, tmp_path / "out.mp4")
    assert (result.width, result.height, result.frames) == (*size, 2)


def test_a_picture_too_small_for_hevc_is_refused(walk: Any, recipe: Any, make_clip: Any, refused: Refused) -> None:
    kind = recipe(name="tiny.mkv", codec="ffv1", pixel_format="yuv420p10le", options={}, audio=())
    clip = make_clip(walk(2, 64, 14), kind)
    assert (
        refused(clip, ContentUnsupported)
        == "tiny.mkv: 64x14 is too small for the HEVC encoder, allowed: 16x16 and more"
    )


def test_a_picture_that_would_fill_the_memory_is_refused_by_size(tmp_path: Path, refused: Refused) -> None:
    """A flat picture of that size takes only a few kilobytes."""
    source = tmp_path / "bomb.mov"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("png", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 12000, 8000, "gray"
        frame = VideoFrame(12000, 8000, "gray")
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.pts = 0
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert source.stat().st_size < 200_000
    assert refused(source, ContentUnsupported) == "bomb.mov: 12000x8000 is more than 8192x4320 pixels"


@pytest.mark.parametrize("rate", [Fraction(1, 1000), 1_000_000])
def test_absurd_frame_rates_are_kept(
    rate: Any, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    clip = make_clip(walk(4, 160, 120), recipe(rate=rate, time_base=1 / Fraction(rate), audio=()))
    redactor.redact(clip, tmp_path / "out.mp4")
    assert read_video(tmp_path / "out.mp4").times == read_video(clip).times


def test_a_single_picture_is_a_short_video(walk: Any, recipe: Any, make_clip: Any, tmp_path: Path) -> None:
    result = redactor.redact(make_clip(walk(1, 320, 240), recipe(audio=())), tmp_path / "out.mp4")
    assert (result.frames, result.frames_with_faces) == (1, 1)


def test_a_still_picture_is_not_a_video(walk: Any, tmp_path: Path, refused: Refused) -> None:
    source = tmp_path / "photograph.mp4"
    frame = VideoFrame.from_ndarray(walk(1, 160, 120)[0].pixels, "rgb24")
    frame.save(tmp_path / "photograph.png")
    (tmp_path / "photograph.png").rename(source)
    assert refused(source, ContentMalformed).startswith("photograph.mp4: not a video")


def test_a_pause_of_years_is_refused(walk: Any, recipe: Any, make_clip: Any, refused: Refused) -> None:
    clip = make_clip(
        walk(3, 160, 120),
        recipe(name="pause.mkv", time_base=Fraction(1, 1000), times=[0, 40, 10**11], audio=()),
    )
    assert "comes 100000000 seconds after" in refused(clip, ContentUnsupported)


def test_a_length_that_cannot_be_is_not_believed(walk: Any, recipe: Any, make_clip: Any, tmp_path: Path) -> None:
    clip = make_clip(walk(6, 160, 120), recipe(audio=()))
    data = bytearray(clip.read_bytes())
    for header in (b"mvhd", b"mdhd"):
        at = data.index(header) + 20
        data[at : at + 4] = b"\xff\xff\xff\xfe"
    clip.write_bytes(data)
    assert redactor.redact(clip, tmp_path / "out.mp4").frames == 6


@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "libx264"), ("clip.avi", "mpeg4"), ("clip.ts", "mpeg2video")])
def test_damage_in_the_last_pictures_is_noticed(
    name: str, codec: str, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    """Decoders that hold pictures back report damage at the end only."""
    clip = make_clip(
        walk(20, 160, 128), recipe(name=name, codec=codec, options={"b": "2M"}, time_base=Fraction(1, 25), audio=())
    )
    data = clip.read_bytes()
    with av.open(str(clip)) as container:
        places = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    for place, size in places[-3:]:
        mutated = bytearray(data)
        for offset in range(place + size // 2, place + size // 2 + 8):
            mutated[offset] ^= 0xA5
        clip.write_bytes(mutated)
        with pytest.raises(ContentMalformed, match="damaged"):
            redactor.redact(clip, tmp_path / "out.mp4")


def test_damaged_pictures_are_never_published(walking_clip: Path, tmp_path: Path, refused: Refused) -> None:
    data = bytearray(walking_clip.read_bytes())
    start = data.index(b"mdat") + 2000
    for offset in range(start, start + 4000, 7):
        data[offset] ^= 0x5A
    source = tmp_path / "damaged.mp4"
    source.write_bytes(data)
    assert "damaged" in refused(source, ContentMalformed)


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [
        ("missing.mp4", "out.mp4", "no such file"),
        (".", "out.mp4", "not a file"),
        ("walk.mp4", "nowhere/out.mp4", "folder does not exist"),
        ("walk.mp4", "out.avi", r"must end in \.mp4, \.m4v, \.mov"),
        ("walk.mp4", "walk.mp4", "is the input itself"),
    ],
)
def test_places_that_cannot_be_used_are_named(
    source: str, destination: str, message: str, walking_clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "walk.mp4").write_bytes(walking_clip.read_bytes())
    with pytest.raises(ConfigurationUnsupported, match=message):
        redactor.redact(tmp_path / source, tmp_path / destination)
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]


def test_a_rate_factor_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigurationUnsupported, match="crf: 99 is not between 0 and 51"):
        Options(crf=99)


def test_a_failure_leaves_an_older_output_as_it_was(tmp_path: Path) -> None:
    source, destination = tmp_path / "bad.mp4", tmp_path / "out.mp4"
    source.write_bytes(b"bad")
    destination.write_bytes(b"older")
    with pytest.raises(ContentMalformed):
        redactor.redact(source, destination)
    assert destination.read_bytes() == b"older"


def test_cancelling_leaves_nothing(walking_clip: Path, tmp_path: Path) -> None:
    cancel = threading.Event()

    def stop_early(progress: Progress) -> None:
        if progress.frame == 3:
            cancel.set()

    with pytest.raises(Cancelled):
        redactor.redact(walking_clip, tmp_path / "out.mp4", on_progress=stop_early, cancel=cancel)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_of_the_callers_own_leaves_nothing(walking_clip: Path, tmp_path: Path) -> None:
    def fail(progress: Progress) -> None:
        raise LookupError(progress.frame)

    with pytest.raises(LookupError):
        redactor.redact(walking_clip, tmp_path / "out.mp4", on_progress=fail)
    assert list(tmp_path.iterdir()) == []
    assert "analysis" not in {thread.name for thread in threading.enumerate()}
