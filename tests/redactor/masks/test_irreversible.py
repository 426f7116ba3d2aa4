"""A face recogniser does not recognise a redacted face, though it gets the face's exact place.

One face proves little. `benchmarks.irreversible` measures many with another recogniser, and sharpens, averages and
combines frames first.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor import BlurType
from redactor.faces.tracking import Region
from redactor.geometry import Margin
from redactor.masks.blur import Painter
from redactor.networks.sface import Portrait, Recogniser

KNOWN = 0.363  # the similarity from which SFace's authors call two faces one person

type Picture = NDArray[np.uint8]
type Similarity = Callable[[Callable[[Picture], Picture]], float]


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser()


@pytest.fixture
def similarity(walk: Any, recogniser: Recogniser) -> Similarity:
    """The similarity of a face to itself in a changed picture, -1 to 1, by the recogniser."""
    scene = walk(1, 640, 480)[0]
    picture = np.ascontiguousarray(scene.pixels[:, :, ::-1])
    known = recogniser.portrait(picture, scene.face)
    assert known is not None
    assert known.points is not None

    def compare(change: Callable[[Picture], Picture]) -> float:
        changed = recogniser.portrait(change(picture), scene.face)
        assert changed is not None
        placed: Portrait = replace(changed, points=known.points)
        return float(recogniser.embedding(known) @ recogniser.embedding(placed))

    return compare


def halved(picture: Picture) -> Picture:
    return np.asarray(cv2.pyrUp(cv2.pyrDown(picture)), np.uint8)


def test_the_recogniser_knows_the_face_in_half_the_detail(similarity: Similarity) -> None:
    assert similarity(halved) > 2 * KNOWN


@pytest.mark.parametrize("blur_type", [BlurType.MED, BlurType.HIGH, BlurType.BLACK])
def test_the_recogniser_does_not_know_the_redacted_face(blur_type: BlurType, walk: Any, similarity: Similarity) -> None:
    face = walk(1, 640, 480)[0].face
    painter = Painter(blur_type, Margin(1.35), np.random.default_rng(1))

    def redacted(picture: Picture) -> Picture:
        frame = VideoFrame.from_ndarray(picture, "bgr24").reformat(format="yuv420p")
        painter.draw(frame, [Region(1, face, seen=True)])
        return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)

    assert similarity(redacted) < KNOWN / 2
