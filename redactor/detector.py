"""YuNet run directly by ONNX Runtime: a BGR picture of any size in, face boxes with scores out.

Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023), and the output layout of
opencv_zoo's face_detection_yunet_2023mar.onnx. Boxes run from forehead to chin.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # carries no type hints
from numpy.typing import NDArray

from redactor import weights
from redactor.geometry import Box

STRIDES: Final = (8, 16, 32)
OVERLAP: Final = 0.3  # YuNet's own non-maximum suppression threshold

# The file fixes its input at 640x640, though the net is fully convolutional. Each fixed dimension
# (field 1 of onnx.TensorShapeProto.Dimension, the varint 640) becomes a named one (field 2, one
# letter): the bytes have the same length, so that nothing around them changes.
_FIXED_INPUT: Final = b"\x0a\x03\x08\x80\x05\x0a\x03\x08\x80\x05"
_FREE_INPUT: Final = b"\x0a\x03\x12\x01h\x0a\x03\x12\x01w"
_ERROR_SEVERITY: Final = 3  # the outputs' declared shapes stay those of 640x640, and ORT warns of each


@dataclass(frozen=True, slots=True)
class Detection:
    """A face candidate in pixels of the picture given; `score` 0 to 1."""

    box: Box
    score: float


class Detector:
    """YuNet, on one thread: a second one gains nothing at these sizes. Safe to call from any one thread."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # patterns are cached per input shape, and shapes vary
        options.log_severity_level = _ERROR_SEVERITY
        self._session = onnxruntime.InferenceSession(
            weights.YUNET.read().replace(_FIXED_INPUT, _FREE_INPUT, 1), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox")]

    def detect(self, picture: NDArray[np.uint8], least_score: float) -> list[Detection]:
        """Faces in `picture` (height, width, 3; uint8 BGR), best first."""
        height, width = picture.shape[:2]
        padded = (-(-height // STRIDES[-1]) * STRIDES[-1], -(-width // STRIDES[-1]) * STRIDES[-1])
        blob = np.zeros((1, 3, *padded), np.float32)
        for channel, samples in enumerate(cv2.split(picture)):
            blob[0, channel, :height, :width] = samples
        outputs = self._session.run(self._outputs, {"input": blob})
        corners: list[NDArray[np.float32]] = []
        scores: list[NDArray[np.float32]] = []
        for index, stride in enumerate(STRIDES):
            classes, objects, boxes = outputs[3 * index : 3 * index + 3]
            found, confidence = _decode(classes, objects, boxes, stride, padded[1], least_score)
            corners.append(found)
            scores.append(confidence)
        return _suppress(np.concatenate(corners), np.concatenate(scores))


def _decode(
    classes: NDArray[np.float32],
    objects: NDArray[np.float32],
    boxes: NDArray[np.float32],
    stride: int,
    width: int,
    least_score: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Candidates of one stride: (n, 4) left, top, right, bottom and (n,) scores."""
    score = np.sqrt(np.clip(classes[0, :, 0], 0, 1) * np.clip(objects[0, :, 0], 0, 1))
    keep = np.flatnonzero(score >= least_score)
    row, column = np.divmod(keep, width // stride)
    offset = boxes[0, keep]
    x, y = (column + offset[:, 0]) * stride, (row + offset[:, 1]) * stride
    half_width, half_height = np.exp(offset[:, 2]) * stride / 2, np.exp(offset[:, 3]) * stride / 2
    corners = np.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=1)
    return corners.astype(np.float32), score[keep]


def _suppress(corners: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Detection]:
    if not len(scores):
        return []
    rectangles = corners.copy()
    rectangles[:, 2:] -= rectangles[:, :2]
    kept = cv2.dnn.NMSBoxes(rectangles.tolist(), scores.tolist(), 0.0, OVERLAP)
    return [Detection(Box(*(float(edge) for edge in corners[index])), float(scores[index])) for index in kept]
