"""Pictures that change midway, and pictures that a container crops."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

import redactor
from redactor import BlurType, Options
from redactor.video.faststart import index_first

type Joined = Callable[..., Path]


@pytest.fixture
def joined(walk: Any, tmp_path: Path) -> Joined:
    """Return a function from (size, pixel format, aspect) of pieces of twelve frames to a TS of all pieces."""

    def make(*pieces: tuple[tuple[int, int], str, Fraction]) -> Path:
        data = b""
        for size, pixel_format, aspect in pieces:
            path = tmp_path / "piece.ts"
            with av.open(str(path), "w") as container:
                video = container.add_stream("libx264", rate=25, options={"crf": "16", "preset": "veryfast"})
                assert isinstance(video, VideoStream)
                video.width, video.height, video.pix_fmt = *size, pixel_format
                video.codec_context.sample_aspect_ratio = aspect
                for index, scene in enumerate(walk(12, *size)):
                    frame = VideoFrame.from_ndarray(scene.pixels, "rgb24").reformat(format=pixel_format)
                    frame.pts, frame.time_base = index, Fraction(1, 25)
                    container.mux(video.encode(frame))
                container.mux(video.encode(None))
            data += path.read_bytes()
        (tmp_path / "joined.ts").write_bytes(data)
        return tmp_path / "joined.ts"

    return make


SMALL, LARGE = ((320, 240), "yuv420p", Fraction(1)), ((640, 480), "yuv420p", Fraction(1))


@pytest.mark.parametrize("order", [(SMALL, LARGE), (LARGE, SMALL), (SMALL, LARGE, SMALL)])
def test_a_picture_that_changes_its_size_is_shown_at_the_largest(
    order: Any, joined: Joined, walk: Any, tmp_path: Path, read_video: Any
) -> None:
    result = redactor.redact(joined(*order), tmp_path / "out.mp4", Options(BlurType.BLACK))
    video = read_video(tmp_path / "out.mp4")
    assert (video.width, video.height, len(video.times)) == (640, 480, 12 * len(order))
    assert result.frames_with_faces == 12 * len(order)
    for picture, scene in zip(video.pictures, walk(12, 640, 480) * len(order), strict=True):
        x, y = (round(share) for share in scene.face.centre)
        assert picture[y - 8 : y + 8, x - 8 : x + 8].mean() < 8
    (said,) = [line for line in result.converted if line.startswith("pictures:")]
    assert ": 12, " in said or ": 24, " in said
    assert said.endswith("320x240 yuv420p")


def test_pixels_that_change_their_shape_are_fitted(joined: Joined, tmp_path: Path, read_video: Any) -> None:
    square, wide = ((320, 240), "yuv420p", Fraction(1)), ((320, 240), "yuv420p", Fraction(4, 3))
    result = redactor.redact(joined(square, wide), tmp_path / "out.mp4")
    video = read_video(tmp_path / "out.mp4")
    bars = [float(picture[:24].mean()) for picture in video.pictures]  # 320x180 within 320x240
    assert min(bars[:12]) > 20
    assert max(bars[12:]) < 8
    assert any("12, first at 0.480 s, 320x240 yuv420p with pixels 1.333 times as wide" in s for s in result.converted)


@pytest.mark.parametrize("finer_first", [True, False])
def test_a_pixel_format_that_changes_becomes_the_finer_one(
    finer_first: bool, joined: Joined, tmp_path: Path, read_video: Any
) -> None:
    pieces = [((320, 240), "yuv422p", Fraction(1)), ((320, 240), "yuv420p", Fraction(1))]
    result = redactor.redact(joined(*(pieces if finer_first else pieces[::-1])), tmp_path / "out.mp4")
    assert read_video(tmp_path / "out.mp4").pixel_format == "yuv422p"
    assert any(line.startswith("pictures: ") and line.endswith("320x240 yuv420p") for line in result.converted)


def hide_in_mp4(path: Path) -> None:
    """Write `clap` of ISO/IEC 14496-12: the middle 240x180 of 320x240, moved 20 to the right."""
    index_first(path, lambda: None, struct.pack(">I4s8I", 40, b"clap", 240, 1, 180, 1, 20, 1, 0, 1))


def hide_in_matroska(path: Path) -> None:
    """Write RFC 9559's PixelCrop elements of the same place into Video, over an empty Void element behind it."""
    size, unit = bytes.fromhex("b0820140ba81f0"), bytes.fromhex("54b28104")
    additions, void = bytes.fromhex("55ee8100"), bytes.fromhex("ec0100000000000002") + bytes(2)
    crop = bytes.fromhex("54bb811e54aa811e54cc813c54dd8114")  # 30 at the top and bottom, 60 left, 20 right
    data = path.read_bytes()
    before, after = b"\xe0\x8b" + size + unit + additions + void, b"\xe0\x9a" + size + crop + b"\xec\x81\0"
    assert data.count(before) == 1 and len(before) == len(after)
    path.write_bytes(data.replace(before, after))


@pytest.mark.parametrize(("name", "hide"), [("clip.mp4", hide_in_mp4), ("clip.mkv", hide_in_matroska)])
def test_what_a_container_hides_of_the_picture_stays_hidden(
    name: str,
    hide: Callable[[Path], None],
    walk: Any,
    recipe: Any,
    make_clip: Any,
    tmp_path: Path,
    read_video: Any,
) -> None:
    base = Fraction(1, 1000) if name.endswith("mkv") else Fraction(1, 12800)
    source = make_clip(walk(10, 320, 240), recipe(name=name, time_base=base, audio=()))
    whole = read_video(source)
    hide(source)
    result = redactor.redact(source, tmp_path / "out.mp4")
    video = read_video(tmp_path / "out.mp4")
    assert (video.width, video.height) == (240, 180)
    assert "pictures: cut to the container's crop: 240x180 at 60, 30" in result.converted
    change = whole.pictures[0][30:210, 60:300].astype(int) - video.pictures[0]
    assert np.abs(change[120:]).mean() < 4  # below the face
    assert result.frames_with_faces == 10
    assert result.dropped == ()
