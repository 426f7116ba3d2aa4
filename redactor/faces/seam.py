"""The seam of a 360° picture, where its left edge continues its right one.

Detectors see the picture with a part of the other side at each end, and tracks go on across the seam, so that their
boxes may lie outside the picture. Masks lie inside, on both sides of the seam where a face lies across it.
"""

from fractions import Fraction
from typing import Final

from redactor.errors import ConfigurationUnsupported
from redactor.geometry import Box
from redactor.options import Projection
from redactor.video.facts import VideoFacts
from redactor.video.picture import quarters_of

REPEATED: Final = 0.15  # of the picture's width, at each end: a face as high as a third of the picture, and some more
GROWN: Final = 2.0  # a mask's axes against its face's box, at most
SHAPE: Final = 2.0  # width against height of an equirectangular picture
TOLERANCE: Final = 0.02


def wraps(facts: VideoFacts, projection: Projection) -> bool:
    """Whether the picture goes on at its other end. Raises ConfigurationUnsupported for a shape that cannot."""
    lies_across = quarters_of(facts.rotation) % 2 == 0
    if projection is not Projection.EQUIRECTANGULAR:
        return projection is Projection.AUTO and facts.spherical and lies_across
    shape = facts.width * (facts.aspect or Fraction(1)) / facts.height
    if not lies_across or abs(float(shape) / SHAPE - 1) > TOLERANCE:
        raise ConfigurationUnsupported(
            f"projection: equirectangular pictures are twice as wide as high; this one is {facts.width}x{facts.height}"
            + ("" if lies_across else ", turned by a quarter")
        )
    return True


class Seam:
    """Places modulo a picture's width. Without one, every place is left as it is."""

    def __init__(self, width: int | None) -> None:
        """`width`: of the picture in stored pixels, or None if it does not wrap around."""
        self._width = width

    @property
    def repeated(self) -> float:
        """The share of the picture's width to show again beyond each end."""
        return REPEATED if self._width else 0.0

    @property
    def exists(self) -> bool:
        return self._width is not None

    def near(self, box: Box, other: Box) -> Box:
        """Return the copy of `box` that is nearest to `other`."""
        return self._moved(box, other.centre[0] - box.centre[0]) if self._width else box

    def inside(self, box: Box) -> Box:
        """Return the copy of `box` whose centre is in the picture."""
        return self._moved(box, self._width / 2 - box.centre[0]) if self._width else box

    def copies(self, box: Box) -> list[Box]:
        """Return the copies of `box` that a mask over it has a part of in the picture."""
        if not self._width:
            return [box]
        inside = self.inside(box)
        grown = inside.scaled(GROWN)
        found = [inside]
        if grown.left < 0:
            found.append(inside.moved(self._width, 0))
        if grown.right > self._width:
            found.append(inside.moved(-self._width, 0))
        return found

    def _moved(self, box: Box, distance: float) -> Box:
        assert self._width
        return box.moved(self._width * round(distance / self._width), 0)
