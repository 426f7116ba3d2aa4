"""The decoding of CenterFace's outputs and file."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from redactor.networks import weights
from redactor.networks.centerface import HEAT, PLACE, SIZE, CenterFace
from tests.redactor.conftest import FACE


@pytest.fixture(scope="module")
def astronaut() -> NDArray[np.uint8]:
    """Return (480, 480, 3) BGR."""
    picture = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(picture[:480, :480, ::-1])


def test_the_face_is_found_where_it_is(astronaut: NDArray[np.uint8]) -> None:
    (found,) = CenterFace().detect(astronaut, 0.3)
    assert found.score > 0.6
    assert found.box.overlap(FACE) > 0.6


def test_the_surest_place_is_opencv_s(astronaut: NDArray[np.uint8]) -> None:
    net = cv2.dnn.readNetFromONNX(np.frombuffer(weights.CENTERFACE.read(), np.uint8))
    net.setInput(cv2.dnn.blobFromImage(astronaut, swapRB=True))
    heat, size, place = net.forward([HEAT, SIZE, PLACE])
    row, column = np.unravel_index(heat[0, 0].argmax(), heat[0, 0].shape)
    centre = (column + place[0, 1, row, column] + 0.5) * 4, (row + place[0, 0, row, column] + 0.5) * 4
    (found,) = CenterFace().detect(astronaut, 0.3)
    assert found.score == pytest.approx(float(heat.max()), abs=0.01)
    assert found.box.centre == pytest.approx(centre, abs=0.1)
    assert found.box.height == pytest.approx(float(np.exp(size[0, 0, row, column]) * 4), rel=0.01)
    assert found.box.width == pytest.approx(float(np.exp(size[0, 1, row, column]) * 4), rel=0.01)


def test_memory_of_an_earlier_picture_is_not_seen_in_a_smaller_one(astronaut: NDArray[np.uint8]) -> None:
    network = CenterFace()
    network.detect(np.full((96, 96, 3), 255, np.uint8), 0.3)
    small = np.asarray(cv2.resize(astronaut, (90, 90), interpolation=cv2.INTER_AREA), np.uint8)
    assert network.detect(small, 0.1) == CenterFace().detect(small, 0.1)
