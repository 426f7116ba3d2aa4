"""Faces across the seam of a 360° picture are covered on both sides, and tracked across it."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.packet import Packet
from numpy.typing import NDArray
from skimage import data

import redactor
from redactor import ConfigurationUnsupported, Options, Projection
from redactor.faces.analysis import Analysis, RegionedFrame
from redactor.faces.effort import effort
from redactor.faces.seam import Seam
from redactor.geometry import Box
from redactor.masks.masking import footprint
from redactor.video.source import Source

WIDTH, HEIGHT = 1280, 640
FACE = Box(178, 70, 268, 184)  # forehead to chin in the 512x512 astronaut
ROUND = Options(projection=Projection.EQUIRECTANGULAR)
GOOGLES_BOX = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
GOOGLES_XML = b"""<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"><GSpherical:Spherical>true</GSpherical:Spherical>
<GSpherical:Stitched>true</GSpherical:Stitched><GSpherical:StitchingSoftware>none</GSpherical:StitchingSoftware>
<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"""


def around(share: float, x: float) -> tuple[NDArray[np.uint8], Box]:
    """Return a 360° RGB picture with a face of that share of its height, centred at `x`, and the face's place."""
    factor = share * HEIGHT / FACE.height
    small = cv2.resize(
        np.asarray(data.astronaut(), np.uint8)[:420],  # type: ignore[no-untyped-call]
        None,
        fx=factor,
        fy=factor,
        interpolation=cv2.INTER_AREA,
    )
    picture = np.full((HEIGHT, WIDTH, 3), (70, 90, 80), np.uint8)
    left, top = round(x - FACE.centre[0] * factor), round(HEIGHT * 0.1)
    small = small[: HEIGHT - top]
    columns = np.arange(left, left + small.shape[1]) % WIDTH
    picture[top : top + small.shape[0], columns] = small
    return picture, FACE.stretched(factor, factor).moved(left, top)


def regioned(clip: Path, options: Options) -> list[RegionedFrame]:
    with Source(clip) as source:
        items = Analysis(source.facts, options).run(source.items())
        return [item for item in items if not isinstance(item, Packet)]


def bare(frame: RegionedFrame, face: Box) -> float:
    """Return the share of a face that no mask covers, on both sides of the seam."""
    masked = footprint([region.box for region in frame.regions], WIDTH, HEIGHT, effort(Options()).margin)
    columns = np.arange(round(face.left), round(face.right)) % WIDTH
    return 1 - float(masked[round(face.top) : round(face.bottom), columns].mean())


def tagged(clip: Path) -> Path:
    """Add Google's spherical box to the end of the clip's only track. The `moov` box is the last."""
    content = clip.read_bytes()
    box = struct.pack(">I4s", 24 + len(GOOGLES_XML), b"uuid") + GOOGLES_BOX + GOOGLES_XML
    start, end, lengths = 0, len(content), []
    for name in (b"moov", b"trak"):
        while content[start + 4 : start + 8] != name:
            start += int(struct.unpack(">I", content[start : start + 4])[0])
        lengths.append(start)
        end = start + int(struct.unpack(">I", content[start : start + 4])[0])
        start += 8
    whole = bytearray(content[:end] + box + content[end:])
    for place in lengths:
        (length,) = struct.unpack(">I", whole[place : place + 4])
        whole[place : place + 4] = struct.pack(">I", length + len(box))
    path = clip.with_name("tagged.mp4")
    path.write_bytes(whole)
    return path


@pytest.fixture
def clip(make_clip: Any, recipe: Any, scene: Any) -> Any:
    def make(pictures: Sequence[NDArray[np.uint8]]) -> Path:
        path: Path = make_clip([scene(picture, None) for picture in pictures], recipe(audio=()))
        return path

    return make


@pytest.mark.parametrize("share", [0.08, 0.15, 0.25])
@pytest.mark.parametrize("x", [0, -20, 20])
def test_a_face_across_the_seam_is_covered_on_both_sides(share: float, x: int, clip: Any) -> None:
    picture, face = around(share, x)
    frames = regioned(clip([picture] * 4), ROUND)
    assert max(bare(frame, face) for frame in frames) < 0.1


def is_one_face(frames: Sequence[RegionedFrame]) -> bool:
    """Return True if one track covers both ends of the picture in each frame."""
    return all(len({region.track for region in frame.regions}) < len(frame.regions) for frame in frames)


def test_a_file_that_says_that_it_is_spherical_is_enough(clip: Any) -> None:
    picture, face = around(0.08, 0)
    flat = clip([picture] * 4)
    assert not is_one_face(regioned(flat, Options()))
    round_about = regioned(tagged(flat), Options())
    assert is_one_face(round_about)
    assert max(bare(frame, face) for frame in round_about) < 0.1
    assert not is_one_face(regioned(tagged(flat), Options(projection=Projection.FLAT)))


def test_a_face_that_moves_over_the_seam_stays_one_track_and_covered(clip: Any) -> None:
    scenes = [around(0.15, 90 - 8 * frame) for frame in range(24)]
    frames = regioned(clip([picture for picture, _ in scenes]), ROUND)
    assert max(bare(frame, face) for frame, (_, face) in zip(frames, scenes, strict=True)) < 0.1
    assert {region.track for frame in frames for region in frame.regions} == {1}


def test_both_halves_are_drawn_over(clip: Any, tmp_path: Path) -> None:
    picture, face = around(0.25, 0)
    options = Options(projection=Projection.EQUIRECTANGULAR, blur_type=redactor.BlurType.BLACK)
    redactor.redact(clip([picture] * 4), tmp_path / "out.mp4", options)
    with av.open(str(tmp_path / "out.mp4")) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="gray")
    rows = slice(round(face.top) + 10, round(face.bottom) - 10)
    assert shown[rows, :20].max() < 30
    assert shown[rows, -20:].max() < 30


def test_another_shape_is_refused(walking_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnsupported, match="twice as wide as high; this one is 320x240"):
        redactor.redact(walking_clip, tmp_path / "out.mp4", ROUND)
    assert not (tmp_path / "out.mp4").exists()


def test_places_are_counted_around_the_picture() -> None:
    seam = Seam(1000)
    box = Box(-30, 0, 10, 40)
    assert seam.inside(box) == Box(970, 0, 1010, 40)
    assert seam.near(Box(960, 0, 1000, 40), box) == Box(-40, 0, 0, 40)
    assert seam.copies(box) == [Box(970, 0, 1010, 40), Box(-30, 0, 10, 40)]
    assert seam.copies(Box(400, 0, 440, 40)) == [Box(400, 0, 440, 40)]
    assert Seam(None).copies(box) == [box]
