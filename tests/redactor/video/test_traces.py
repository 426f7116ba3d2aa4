"""The output holds only picture, sound, times and chapters of the input. Everything hidden elsewhere is omitted."""

import functools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.container import OutputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

import redactor
from redactor.video.restarts import AnyPacket

NAME = b"Ada Lovelace"
TEXT = NAME.decode()
PLACE = b"+48.2082+016.3738/"
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
EXIF = b"JpgTiffExif->JP2"
NOTE = bytes.fromhex("086f3693b7b34f2c965321492feee5b8")


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def sei(kind: int, payload: bytes) -> bytes:
    """Return a supplemental message of H.264 (ISO/IEC 14496-10, 7.3.2.3), to be inserted before a picture."""
    return b"\0\0\0\1\x06" + bytes([kind, len(payload)]) + payload + b"\x80"


def captions() -> bytes:
    """Return CEA-708 captions as ATSC A/53 attaches them to a picture."""
    letters = b"".join(b"\xfc" + NAME[index : index + 2] for index in range(0, len(NAME), 2))
    return b"\xb5\x00\x31GA94\x03" + bytes([0x40 | len(letters) // 3]) + b"\xff" + letters + b"\xff"


def hiding(packet: AnyPacket) -> AnyPacket:
    """Return the same H.264 picture with a note and captions before it."""
    data = bytes(packet)
    # They must follow the access unit delimiter and parameter sets, if there are any.
    start = next(at for at in range(len(data)) if data[at : at + 3] == b"\0\0\1" and data[at + 3] & 31 in {1, 5, 6})
    changed: AnyPacket = Packet(data[:start] + sei(5, NOTE + NAME) + sei(4, captions()) + b"\0" + data[start:])
    changed.pts, changed.dts, changed.duration = packet.pts, packet.dts, packet.duration
    changed.time_base, changed.is_keyframe, changed.stream = packet.time_base, packet.is_keyframe, packet.stream
    return changed


def portrait(stream: VideoStream, scene: Any) -> AnyPacket:
    """Return the picture as a JPEG with the name in a comment."""
    frame = VideoFrame.from_ndarray(scene.pixels, "rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    data = b"".join(bytes(packet) for packet in (*stream.encode(frame), *stream.encode(None)))
    packet: AnyPacket = Packet(data[:2] + b"\xff\xfe" + (len(NAME) + 2).to_bytes(2, "big") + NAME + data[2:])
    packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, 0, 0, True
    return packet


def text(stream: Stream, content: bytes) -> AnyPacket:
    packet: AnyPacket = Packet(content)
    packet.stream, packet.pts, packet.dts, packet.duration = stream, 0, 0, 100
    packet.time_base = Fraction(1, 1000)
    return packet


def picture_stream(container: OutputContainer, codec: str, pixel_format: str, scene: Any) -> VideoStream:
    stream = container.add_stream(codec, rate=25)
    assert isinstance(stream, VideoStream)
    stream.height, stream.width = scene.pixels.shape[:2]
    stream.pix_fmt = pixel_format
    return stream


def write(path: Path, scenes: list[Any]) -> None:
    """Write a video with names and places everywhere that the container allows."""
    kind = path.suffix
    options = {"movflags": "use_metadata_tags"} if kind == ".mov" else {}
    with av.open(str(path), "w", options=options) as container:
        place = {"location": PLACE.decode(), "com.apple.quicktime.location.ISO6709": PLACE.decode()}
        container.metadata.update({"title": TEXT, "artist": TEXT, "comment": TEXT, **place})
        video = picture_stream(container, "libx264", "yuv420p", scenes[0])
        second = picture_stream(container, "libx264", "yuv420p", scenes[0])
        video.disposition = Disposition.default
        sound = container.add_stream("aac", rate=44100)
        for stream in (video, second, sound):
            stream.metadata.update({"title": TEXT, "handler_name": TEXT})
        others: list[Callable[[], AnyPacket]] = []
        if kind in {".mp4", ".mkv"}:
            cover = picture_stream(container, "mjpeg", "yuvj420p", scenes[0])
            if kind == ".mp4":
                cover.disposition = Disposition.attached_pic
            others.append(lambda: portrait(cover, scenes[0]))
        if kind != ".ts":
            subtitles = container.add_mux_stream("subrip" if kind == ".mkv" else "mov_text")
            line = NAME if kind == ".mkv" else len(NAME).to_bytes(2, "big") + NAME
            others.append(lambda: text(subtitles, line))
        if kind == ".mkv":
            container.add_attachment("portrait.txt", "text/plain", NAME)
        if kind == ".mp4":
            data = container.add_mux_stream("bin_data")
            others.append(lambda: text(data, NAME))
        if kind == ".ts":
            for codec in ("timed_id3", "klv"):
                timed = container.add_mux_stream(codec)
                others.append(functools.partial(text, timed, NAME))
        container.start_encoding()
        for other in others:
            container.mux(other())
        silence = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        silence.sample_rate, silence.pts = 44100, 0
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux([*sound.encode(silence), *sound.encode(None)])
        for index, scene in enumerate(scenes):
            for stream in (video, second):
                frame = VideoFrame.from_ndarray(scene.pixels, "rgb24").reformat(format="yuv420p")
                frame.pts = index
                container.mux([hiding(packet) for packet in stream.encode(frame)])
        for stream in (video, second):
            container.mux([hiding(packet) for packet in stream.encode(None)])
    if kind in {".mp4", ".mov"}:
        location = box(b"\xa9xyz", len(PLACE).to_bytes(2, "big") + b"\x15\xc7" + PLACE)
        loose = [box(b"uuid", XMP + NAME), box(b"uuid", EXIF + NAME), box(b"udta", location), box(b"free", NAME)]
        path.write_bytes(path.read_bytes() + b"".join(loose))


def side_data(path: Path) -> set[Type]:
    with av.open(str(path)) as container:
        return {kind for frame in container.decode(video=0) for kind in frame.side_data}


@pytest.mark.parametrize("kind", [".mp4", ".mov", ".mkv", ".ts"])
def test_names_and_places_are_left_out_wherever_they_are(kind: str, walk: Any, tmp_path: Path) -> None:
    clip, out = tmp_path / f"clip{kind}", tmp_path / f"out{'.mov' if kind == '.mov' else '.mp4'}"
    write(clip, walk(6, 320, 240))
    before = clip.read_bytes()
    assert before.count(NAME) >= 12  # in the notes on both streams' pictures
    assert side_data(clip) >= {Type.A53_CC, Type.SEI_UNREGISTERED}
    result = redactor.redact(clip, out)
    after = out.read_bytes()
    assert NAME not in after
    assert b"48.2" not in after
    assert b"GA94" not in after
    assert b"uuid" not in after
    assert Type.A53_CC not in side_data(out)
    with av.open(str(out)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    said = " ".join(result.dropped)
    assert "video stream 1 (h264)" in said
    if kind in {".mp4", ".mkv"}:
        assert "(mjpeg)" in said
    if kind != ".ts":
        assert "subtitle stream" in said
        assert "title" in said


def test_a_copied_streams_title_is_reported_as_dropped(walk: Any, tmp_path: Path) -> None:
    write(tmp_path / "clip.mkv", walk(6, 320, 240))
    result = redactor.redact(tmp_path / "clip.mkv", tmp_path / "out.mp4")
    assert "metadata of audio stream 2: HANDLER_NAME, title" in result.dropped
