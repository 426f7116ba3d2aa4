"""YuNet: a BGR picture of any size in, face boxes with scores out.

Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023), and the output layout of
opencv_zoo's face_detection_yunet_2023mar.onnx. Boxes reach from forehead to chin.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from redactor.networks import weights
from redactor.networks.detection import Detection, suppressed
from redactor.networks.network import Network, padded

STRIDES: Final = (8, 16, 32)
KINDS: Final = ("cls", "obj", "bbox")


class YuNet:
    """The detector. Not safe for several threads."""

    def __init__(self) -> None:
        self._network = Network(weights.YUNET, [f"{kind}_{stride}" for stride in STRIDES for kind in KINDS])

    def detect(self, picture: NDArray[np.uint8], least_score: float) -> list[Detection]:
        """Return the faces in `picture` (height, width, 3; uint8 BGR), best first."""
        outputs = self._network.run(picture)
        corners: list[NDArray[np.float32]] = []
        scores: list[NDArray[np.float32]] = []
        for index, stride in enumerate(STRIDES):
            classes, objects, boxes = outputs[3 * index : 3 * index + 3]
            found, confidence = _decode(classes, objects, boxes, stride, padded(picture.shape[1]), least_score)
            corners.append(found)
            scores.append(confidence)
        return suppressed(np.concatenate(corners), np.concatenate(scores))


def _decode(
    classes: NDArray[np.float32],
    objects: NDArray[np.float32],
    boxes: NDArray[np.float32],
    stride: int,
    width: int,
    least_score: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Decode one stride's candidates: (n, 4) left, top, right, bottom and (n,) scores."""
    squared = classes[0, :, 0] * objects[0, :, 0]  # both are outputs of sigmoids
    keep = np.flatnonzero(squared >= least_score**2)
    score = np.sqrt(squared[keep])
    row, column = np.divmod(keep, width // stride)
    offset = boxes[0, keep]
    x, y = (column + offset[:, 0]) * stride, (row + offset[:, 1]) * stride
    half_width, half_height = np.exp(offset[:, 2]) * stride / 2, np.exp(offset[:, 3]) * stride / 2
    corners = np.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=1)
    return corners.astype(np.float32), score
