"""SFace: face embeddings, which are similar for one person and dissimilar for two.

Zhong et al.: "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition" (2021). YuNet's five landmarks
align the face first. OpenCV runs both networks, in tens of milliseconds a face, so a track gets only a few looks.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.geometry import Box
from redactor.networks import weights
from redactor.networks.landmarks import LandmarkFinder, facing

CROP_FACTOR: Final = 1.6  # a portrait's side, in longer sides of its face's box
CROP_SIDE: Final = 256  # pixels, a portrait's largest side; SFace itself sees 112
LEAST_SCORE: Final = 0.6
LEAST_LYING_SCORE: Final = 0.85  # YuNet's score from which a face is accepted as lying down

type Embedding = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face cut out of its frame. `pixels`: (height, width, 3) uint8 BGR, upright.

    `points` is OpenCV's row of 15 numbers (box, five landmarks, score) in `pixels`, or None if YuNet finds no face.
    `size` is the face's, in the frame's pixels. `facing` is 1 for a clear frontal face and 0 for a profile.
    """

    pixels: NDArray[np.uint8]
    points: NDArray[np.float32] | None
    size: float
    facing: float

    @property
    def quality(self) -> float:
        """Rank among portraits of one face. It is lowest without landmarks."""
        return self.size * (0.1 + self.facing)


class Recogniser:
    """Finds, aligns and embeds faces. For one thread. Raises RedactionError if the weights are missing."""

    def __init__(self) -> None:
        none = np.zeros(0, np.uint8)
        self._landmarks = LandmarkFinder(CROP_SIDE, LEAST_SCORE)
        network = np.frombuffer(weights.SFACE.read(), np.uint8)
        self._recogniser = cv2.FaceRecognizerSF.create("onnx", network, none)

    def portrait(self, picture: NDArray[np.uint8], box: Box) -> Portrait | None:
        """Cut the face in `box` out of `picture` (height, width, 3; uint8 BGR), upright; None if it is outside."""
        height, width = picture.shape[:2]
        (x, y), half = box.centre, max(box.width, box.height) * CROP_FACTOR / 2
        left, top = max(0, int(x - half)), max(0, int(y - half))
        cut = picture[top : min(height, int(y + half)), left : min(width, int(x + half))]
        if min(cut.shape[:2]) <= half / 4:  # less than the margin around the face
            return None
        factor = min(1.0, CROP_SIDE / max(cut.shape[:2]))
        pixels = np.asarray(cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        high, wide = pixels.shape[:2]
        meant = box.moved(-left, -top).stretched(factor / wide, factor / high)
        best, most = Portrait(pixels, None, box.size, 0.0), LEAST_SCORE
        # Try all four turns: YuNet often finds a lying face from its side too, with a lower score and wrong landmarks.
        for turn in range(4):
            turned = np.ascontiguousarray(np.rot90(pixels, turn))
            points = self._landmarks.find(turned, meant.turned(turn))
            if points is not None and (score := float(points[14])) > max(most, LEAST_LYING_SCORE if turn else 0.0):
                best, most = Portrait(turned, points, box.size, score * facing(points)), score
        return best

    def embedding(self, portrait: Portrait) -> Embedding:
        """Embed a portrait with landmarks: (128,) float32 of length 1. The dot product of two is their similarity."""
        assert portrait.points is not None
        aligned = self._recogniser.alignCrop(portrait.pixels, portrait.points)
        feature = np.asarray(self._recogniser.feature(aligned), np.float32).ravel()
        return feature / np.float32(np.linalg.norm(feature))
