"""The detectors' common result: boxes with scores, one for each face."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.geometry import Box

OVERLAP: Final = 0.3  # YuNet's own non-maximum suppression threshold


@dataclass(frozen=True, slots=True)
class Detection:
    """A face candidate. `box` is in pixels of the analysed picture, `score` is 0 to 1."""

    box: Box
    score: float


def suppressed(corners: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Detection]:
    """Suppress duplicates: keep the best of overlapping candidates, best first.

    `corners` (n, 4) are left, top, right, bottom; `scores` (n,).
    """
    if not len(scores):
        return []
    rectangles = corners.copy()
    rectangles[:, 2:] -= rectangles[:, :2]
    kept = cv2.dnn.NMSBoxes(rectangles.tolist(), scores.tolist(), 0.0, OVERLAP)
    return [Detection(Box(*(float(edge) for edge in corners[index])), float(scores[index])) for index in kept]
