"""The pixels of two pictures distinguish a visible face from a hidden one."""

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from skimage import data

from redactor import BlurType
from redactor.faces.tracking import Region
from redactor.geometry import Box, Margin
from redactor.masks.blur import Painter
from redactor.verification.detail import remaining_detail
from redactor.verification.run import BARE

FACE = Box(168, 62, 280, 208)  # forehead to chin in the 512x512 astronaut
MARGIN = Margin(1.33)
HEIGHTS = (18, 30, 60, 146)


def portrait(height: float) -> tuple[NDArray[np.uint8], Box]:
    """Return the astronaut's RGB picture with a face of that height, and its place."""
    factor = height / FACE.height
    side = round(512 * factor) // 2 * 2
    astronaut = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    picture = np.asarray(cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return picture, FACE.stretched(side / 512, side / 512)


def luma(frame: VideoFrame) -> NDArray[np.uint8]:
    return np.asarray(frame.to_ndarray(format="gray"), np.uint8)


def covered(picture: NDArray[np.uint8], box: Box, blur_type: BlurType, seed: int = 0) -> NDArray[np.uint8]:
    frame = VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
    Painter(blur_type, MARGIN, np.random.default_rng(seed)).draw(frame, [Region(1, box, seen=True)])
    return luma(frame)


def original(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return luma(VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p"))


def compressed(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return the picture after a lossy encoder."""
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("quality", [95, 75, 40])
def test_a_face_that_was_only_compressed_shows(height: int, quality: int) -> None:
    picture, box = portrait(height)
    before = original(picture)
    after = compressed(before, quality)
    assert (after != before).mean() > 0.3
    left = remaining_detail(before, after, box)
    assert left is not None
    assert left > BARE


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("blur_type", [BlurType.BLACK, BlurType.HIGH, BlurType.MED])
@pytest.mark.parametrize("quality", [95, 60])
def test_a_face_that_was_hidden_does_not_show(height: int, blur_type: BlurType, quality: int) -> None:
    picture, box = portrait(height)
    before = original(picture)
    for seed in range(5):
        after = compressed(covered(picture, box, blur_type, seed), quality)
        left = remaining_detail(before, after, box)
        assert left is not None
        assert left < BARE


@pytest.mark.parametrize("height", HEIGHTS[1:])
@pytest.mark.parametrize("blur_type", [BlurType.BOX, BlurType.LOW])
def test_an_outline_and_a_light_blur_hide_nobody(height: int, blur_type: BlurType) -> None:
    picture, box = portrait(height)
    before = original(picture)
    left = remaining_detail(before, covered(picture, box, blur_type), box)
    assert left is not None
    assert left > BARE


@pytest.mark.parametrize("height", HEIGHTS)
def test_half_a_face_shows(height: int) -> None:
    picture, box = portrait(height)
    before = original(picture)
    after = before.copy()
    after[:, : round(box.centre[0])] = 16
    left = remaining_detail(before, after, box)
    assert left is not None
    assert 0.25 < left < 0.75


def test_a_face_in_the_dark_that_was_only_compressed_shows() -> None:
    picture, box = portrait(100)
    dark = (original(picture) * 0.06 + 16).astype(np.uint8)
    left = remaining_detail(dark, compressed(dark, 90), box)
    assert left is not None
    assert left > BARE


def test_what_is_outside_the_frame_is_not_judged() -> None:
    picture, box = portrait(100)
    before = original(picture)
    assert remaining_detail(before, before, box.moved(before.shape[1], 0)) is None
