"""What a face looks like, as numbers that are alike for one person and unlike for two.

SFace (Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition", 2021) on faces that
YuNet's five points align, both run by OpenCV. It takes tens of milliseconds a face: enough for a few looks at a track.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.geometry import Box
from redactor.networks import weights

ROOM: Final = 1.6  # side of a portrait against its face's box
LONGEST: Final = 256  # pixels of a portrait's side; SFace itself sees 112
LEAST_SCORE: Final = 0.6
STRANGE: Final = 0.85  # score of a face that is believed to lie down
SUPPRESSION: Final = 0.3  # YuNet's own non-maximum suppression threshold
SAME: Final = 0.3  # overlap that makes a face found the one that was meant
PROFILE: Final = 0.5  # the nose's distance from the face's middle line, in lengths from eyes to mouth

type Embedding = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face cut out of its frame. `pixels`: (height, width, 3) uint8 BGR, upright.

    `points` is OpenCV's row of 15 for it (box, five points, score), in `pixels`; None where no face is made out.
    `size` of the face in the frame's pixels; `facing` is 1 for a sure face seen from the front, and 0 for a profile.
    """

    pixels: NDArray[np.uint8]
    points: NDArray[np.float32] | None
    size: float
    facing: float

    @property
    def worth(self) -> float:
        """By which portraits of one face are compared; those without a face are worth least."""
        return self.size * (0.1 + self.facing)


class Recogniser:
    """Raises RedactionError if the weights are missing. Safe to call from any one thread."""

    def __init__(self) -> None:
        none = np.zeros(0, np.uint8)
        detector, recogniser = (np.frombuffer(each.read(), np.uint8) for each in (weights.YUNET, weights.SFACE))
        sizes = (LONGEST, LONGEST), LEAST_SCORE, SUPPRESSION
        self._detector = cv2.FaceDetectorYN.create("onnx", detector, none, *sizes)
        self._recogniser = cv2.FaceRecognizerSF.create("onnx", recogniser, none)

    def portrait(self, picture: NDArray[np.uint8], box: Box) -> Portrait | None:
        """The face in `box` of `picture` (height, width, 3; uint8 BGR), stood up if it lies; None outside of it."""
        height, width = picture.shape[:2]
        (x, y), half = box.centre, max(box.width, box.height) * ROOM / 2
        left, top = max(0, int(x - half)), max(0, int(y - half))
        cut = picture[top : min(height, int(y + half)), left : min(width, int(x + half))]
        if min(cut.shape[:2]) <= half / 4:  # less than the margin around the face
            return None
        factor = min(1.0, LONGEST / max(cut.shape[:2]))
        pixels = np.asarray(cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        high, wide = pixels.shape[:2]
        meant = box.moved(-left, -top).stretched(factor / wide, factor / high)
        best, most = Portrait(pixels, None, box.size, 0.0), LEAST_SCORE
        # All ways up: one that lies down is mostly found from its side too, but less surely and with its points astray.
        for turn in range(4):
            turned = np.ascontiguousarray(np.rot90(pixels, turn))
            points = self._points(turned, meant.turned(turn))
            if points is not None and (score := float(points[14])) > max(most, STRANGE if turn else 0.0):
                best, most = Portrait(turned, points, box.size, score * _facing(points)), score
        return best

    def embedding(self, portrait: Portrait) -> Embedding:
        """(128,) float32 of length 1 for a portrait with a face; the dot product of two says how alike they are."""
        assert portrait.points is not None
        aligned = self._recogniser.alignCrop(portrait.pixels, portrait.points)
        feature = np.asarray(self._recogniser.feature(aligned), np.float32).ravel()
        return feature / np.float32(np.linalg.norm(feature))

    def _points(self, pixels: NDArray[np.uint8], meant: Box) -> NDArray[np.float32] | None:
        """Of the face that lies most on `meant`, a box in shares of the picture."""
        high, wide = pixels.shape[:2]
        self._detector.setInputSize((wide, high))
        found = self._detector.detect(pixels)[1]
        place = meant.stretched(wide, high)
        best, most = None, SAME
        for face in [] if found is None else found:
            overlap = place.overlap(Box(*(float(edge) for edge in (*face[:2], *(face[:2] + face[2:4])))))
            if overlap > most:
                best, most = np.asarray(face, np.float32), overlap
        return best


def _facing(points: NDArray[np.float32]) -> float:
    """1 where the nose lies in the face's middle, 0 where it lies beside it. Points: eyes, nose, mouth's corners."""
    eyes, nose, mouth = (points[4:6] + points[6:8]) / 2, points[8:10], (points[10:12] + points[12:14]) / 2
    down_x, down_y, x, y = (float(part) for part in (*(mouth - eyes), *(nose - eyes)))
    length = math.hypot(down_x, down_y)
    if length <= 0:
        return 0.0
    return max(0.0, 1.0 - abs(down_x * y - down_y * x) / (PROFILE * length**2))
