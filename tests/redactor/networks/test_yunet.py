"""The decoding of YuNet's outputs, compared with OpenCV's."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from redactor import RedactionError
from redactor.networks import weights
from redactor.networks.yunet import YuNet


def test_boxes_and_scores_are_those_of_opencv(tmp_path: Path) -> None:
    astronaut = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    picture = np.ascontiguousarray(astronaut[:480, :480, ::-1])  # multiples of 32
    model = tmp_path / "yunet.onnx"
    model.write_bytes(weights.YUNET.read())
    reference = cv2.FaceDetectorYN.create(str(model), "", (480, 480), 0.5, 0.3)
    _, expected = reference.detect(picture)
    found = YuNet().detect(picture, 0.5)
    assert len(found) == len(expected) == 1
    left, top, width, height = (float(edge) for edge in expected[0][:4])
    box = found[0].box
    assert (box.left, box.top, box.width, box.height) == pytest.approx((left, top, width, height), abs=1.0)
    assert found[0].score == pytest.approx(float(expected[0][-1]), abs=0.02)


@pytest.mark.parametrize("shape", [(1, 1, 3), (33, 47, 3), (96, 640, 3)])
def test_any_size_of_picture_will_do(shape: tuple[int, int, int]) -> None:
    assert YuNet().detect(np.zeros(shape, np.uint8), 0.5) == []


def test_weights_that_are_not_the_measured_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "YUNET", replace(weights.YUNET, sha256="0" * 64))
    with pytest.raises(RedactionError, match="sha256"):
        YuNet()


def test_a_missing_package_of_weights_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "YUNET", replace(weights.YUNET, package="no_such_package"))
    with pytest.raises(RedactionError, match=r"no_such_package is not installed; install no_such_package==2\.0\.0"):
        YuNet()
