"""YuNet's five landmarks of one face. OpenCV finds them in a small picture around the face."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.geometry import Box
from redactor.networks import weights

SUPPRESSION: Final = 0.3  # YuNet's own non-maximum suppression threshold
MATCH_OVERLAP: Final = 0.3  # overlap from which a detected face is the requested one
PROFILE: Final = 0.5  # the nose's distance from the face's middle line, in lengths from eyes to mouth

type Landmarks = NDArray[np.float32]  # OpenCV's row of 15 numbers: box, five landmarks, score


class LandmarkFinder:
    """Finds landmarks. Not safe for several threads. Raises RedactionError if the weights are missing."""

    def __init__(self, side: int, least_score: float) -> None:
        """`side` is the largest picture's, in pixels."""
        none = np.zeros(0, np.uint8)
        network = np.frombuffer(weights.YUNET.read(), np.uint8)
        self._detector = cv2.FaceDetectorYN.create("onnx", network, none, (side, side), least_score, SUPPRESSION)

    def find(self, pixels: NDArray[np.uint8], meant: Box) -> Landmarks | None:
        """Return the landmarks of the face that overlaps `meant` most. `meant` is in shares of the BGR picture."""
        high, wide = pixels.shape[:2]
        self._detector.setInputSize((wide, high))
        found = self._detector.detect(pixels)[1]
        place = meant.stretched(wide, high)
        best, most = None, MATCH_OVERLAP
        for face in [] if found is None else found:
            overlap = place.overlap(Box(*(float(edge) for edge in (*face[:2], *(face[:2] + face[2:4])))))
            if overlap > most:
                best, most = np.asarray(face, np.float32), overlap
        return best


def facing(points: Landmarks) -> float:
    """Return 1 if the nose is on the face's middle line, 0 if it is beside it. Landmarks: eyes, nose, mouth corners."""
    eyes, nose, mouth = (points[4:6] + points[6:8]) / 2, points[8:10], (points[10:12] + points[12:14]) / 2
    down_x, down_y, x, y = (float(part) for part in (*(mouth - eyes), *(nose - eyes)))
    length = math.hypot(down_x, down_y)
    if length <= 0:
        return 0.0
    return max(0.0, 1.0 - abs(down_x * y - down_y * x) / (PROFILE * length**2))
