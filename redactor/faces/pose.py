"""A face's brightness and pose."""

from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.geometry import Box
from redactor.networks.landmarks import LandmarkFinder, facing
from redactor.video.facts import VideoFacts
from redactor.video.picture import Plane, planes, quarters_of

SAMPLED: Final = 16  # a mean uses every 16th sample of a picture, and 16 samples across a face
SIDE: Final = 96
ROOM: Final = 1.6  # side of the cut, in longer sides of the face
LEAST_SCORE: Final = 0.5


class Shades:
    """A frame's luma. Only requested parts are converted to 8 bits."""

    def __init__(self, frame: VideoFrame) -> None:
        planar = frame.format.is_planar
        self._plane: Plane = planes(frame)[0] if planar else np.asarray(frame.to_ndarray(format="gray"), np.uint8)
        self._shift = frame.format.components[0].bits - 8 if planar else 0

    def whole(self) -> float:
        """Return the picture's mean shade, of 255."""
        return float(self._plane[::SAMPLED, ::SAMPLED].mean()) / (1 << self._shift)

    def mean(self, box: Box) -> float:
        """Return the mean shade of the part of `box` inside the picture, or 0 if there is none."""
        part = self._part(box, max(1, int(box.width / SAMPLED)))
        return float(part.mean()) / (1 << self._shift) if part.size else 0.0

    def around(self, box: Box, room: float) -> tuple[NDArray[np.uint8], Box]:
        """Cut a square around `box` out of the picture, in 8 bits. Return it and the box in shares of it."""
        square = box.squared(room)
        part = self._part(square, 1)
        high, wide = part.shape
        left, top = max(0, int(square.left)), max(0, int(square.top))
        place = box.moved(-left, -top).stretched(1 / max(1, wide), 1 / max(1, high))
        return np.asarray(part >> self._shift, np.uint8), place

    def _part(self, box: Box, step: int) -> Plane:
        rows = slice(max(0, int(box.top)), max(0, int(box.bottom)), step)
        return self._plane[rows, max(0, int(box.left)) : max(0, int(box.right)) : step]


class Pose:
    """Estimates poses from landmarks. Not safe for several threads."""

    def __init__(self, facts: VideoFacts) -> None:
        self._quarters = quarters_of(facts.rotation)
        self._landmarks = LandmarkFinder(SIDE, LEAST_SCORE)

    def facing(self, shades: Shades, box: Box) -> float:
        """Return 1 for a frontal face, 0 for a profile or a face without landmarks."""
        square, place = shades.around(box, ROOM)
        if min(square.shape) < 2:
            return 0.0
        factor = min(1.0, SIDE / max(square.shape))
        small = cv2.resize(square, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        # People may lie, and files may have a wrong rotation: try the file's rotation first, then the others.
        for turn in range(4):
            turned = np.rot90(small, self._quarters + turn)
            pixels = np.asarray(cv2.cvtColor(np.ascontiguousarray(turned), cv2.COLOR_GRAY2BGR), np.uint8)
            points = self._landmarks.find(pixels, place.turned(self._quarters + turn))
            if points is not None:
                return facing(points)
        return 0.0
