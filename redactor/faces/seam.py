"""The seam of a 360° picture, where its left edge continues its right one.

For detection, the picture is extended at each end by a part of the other end. Tracks continue across the seam, so
their boxes may be outside the picture. Masks are inside, on both sides of the seam if a face lies across it.
"""

from fractions import Fraction
from typing import Final

from redactor.errors import ConfigurationUnsupported
from redactor.geometry import Box
from redactor.options import Projection
from redactor.video.facts import VideoFacts
from redactor.video.picture import quarters_of

REPEATED: Final = 0.15  # of the picture's width, at each end: enough for a face a third of the picture high
GROWN: Final = 2.0  # the largest ratio of a mask's axes to its face's box
SHAPE: Final = 2.0  # ratio of width to height of an equirectangular picture
TOLERANCE: Final = 0.02


def wraps(facts: VideoFacts, projection: Projection) -> bool:
    """Return True if the left and right edges meet. Raise ConfigurationUnsupported if the shape rules it out."""
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
    """Places modulo a picture's width. Without a width, places do not change."""

    def __init__(self, width: int | None) -> None:
        """`width` is the picture's in stored pixels, or None if the picture does not wrap around."""
        self._width = width

    @property
    def repeated(self) -> float:
        """The share of the picture's width to repeat beyond each end."""
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
        """Return the copies of `box` whose masks reach into the picture."""
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
