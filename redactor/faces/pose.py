"""How bright a face is, and where it is turned to."""

from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.geometry import Box
from redactor.networks.landmarks import LandmarkFinder, facing
from redactor.video.facts import VideoFacts
from redactor.video.picture import Plane, planes, quarters_of

SAMPLED: Final = 16  # every so many-th sample of a picture, and of a face across, makes its mean
SIDE: Final = 128
ROOM: Final = 1.6  # side of the picture around a face against its longer one
LEAST_SCORE: Final = 0.5


class Shades:
    """A frame's luma, of which no more than what is asked for is turned into 8 bits."""

    def __init__(self, frame: VideoFrame) -> None:
        planar = frame.format.is_planar
        self._plane: Plane = planes(frame)[0] if planar else np.asarray(frame.to_ndarray(format="gray"), np.uint8)
        self._shift = frame.format.components[0].bits - 8 if planar else 0

    def whole(self) -> float:
        """The picture's mean, of 255."""
        return float(self._plane[::SAMPLED, ::SAMPLED].mean()) / (1 << self._shift)

    def mean(self, box: Box) -> float:
        """Of what of `box` is inside the picture; 0 if nothing is."""
        part = self._part(box, max(1, int(box.width / SAMPLED)))
        return float(part.mean()) / (1 << self._shift) if part.size else 0.0

    def around(self, box: Box, room: float) -> tuple[NDArray[np.uint8], Box]:
        """A square around `box`, as far as it is inside the picture, in 8 bits; and the box in shares of it."""
        (x, y), half = box.centre, max(box.width, box.height) * room / 2
        square = Box(x - half, y - half, x + half, y + half)
        part = self._part(square, 1)
        high, wide = part.shape
        left, top = max(0, int(square.left)), max(0, int(square.top))
        place = box.moved(-left, -top).stretched(1 / max(1, wide), 1 / max(1, high))
        return np.asarray(part >> self._shift, np.uint8), place

    def _part(self, box: Box, step: int) -> Plane:
        rows = slice(max(0, int(box.top)), max(0, int(box.bottom)), step)
        return self._plane[rows, max(0, int(box.left)) : max(0, int(box.right)) : step]


class Pose:
    """Not safe for several threads."""

    def __init__(self, facts: VideoFacts) -> None:
        self._quarters = quarters_of(facts.rotation)
        self._landmarks = LandmarkFinder(SIDE, LEAST_SCORE)

    def facing(self, shades: Shades, box: Box) -> float:
        """1 for a face seen from the front, 0 for one seen from the side, or without features."""
        square, place = shades.around(box, ROOM)
        if min(square.shape) < 2:
            return 0.0
        factor = min(1.0, SIDE / max(square.shape))
        small = cv2.resize(square, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        # People lie, and cameras lie about it: the file's own side first, then the others.
        for turn in range(4):
            turned = np.rot90(small, self._quarters + turn)
            pixels = np.asarray(cv2.cvtColor(np.ascontiguousarray(turned), cv2.COLOR_GRAY2BGR), np.uint8)
            points = self._landmarks.find(pixels, place.turned(self._quarters + turn))
            if points is not None:
                return facing(points)
        return 0.0
