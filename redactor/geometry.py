"""Boxes in pixels, and margins around them."""

from dataclasses import dataclass
from typing import Final, Self

UPRIGHT: Final = 0.8  # width of an upright head's box, in heights: three of five detected boxes have less
ROLLED: Final = 0.9  # the same for a head that surely rolls or lies: one of ten detected boxes has more
PROPORTIONAL: Final = 1280  # longer side of a frame from which margins in pixels grow with it


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle. Left and top are inclusive, right and bottom exclusive. It may leave the frame."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def size(self) -> float:
        """Side of the square of the same area."""
        return float(self.area**0.5)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def scaled(self, factor: float) -> Self:
        """Scale about the centre."""
        x, y = self.centre
        half_width, half_height = self.width * factor / 2, self.height * factor / 2
        return type(self)(x - half_width, y - half_height, x + half_width, y + half_height)

    def squared(self, factor: float) -> Self:
        """Return the square with the same centre, `factor` times as wide as the longer side."""
        (x, y), half = self.centre, max(self.width, self.height) * factor / 2
        return type(self)(x - half, y - half, x + half, y + half)

    def moved(self, x: float, y: float) -> Self:
        return type(self)(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def stretched(self, x: float, y: float) -> Self:
        """Multiply all edges: from shares of a picture to its pixels, or back."""
        return type(self)(self.left * x, self.top * y, self.right * x, self.bottom * y)

    def turned(self, quarters: int) -> Self:
        """Return the box after its picture, a unit square, made that many quarter turns anticlockwise."""
        match quarters % 4:
            case 1:
                return type(self)(self.top, 1 - self.right, self.bottom, 1 - self.left)
            case 2:
                return type(self)(1 - self.right, 1 - self.bottom, 1 - self.left, 1 - self.top)
            case 3:
                return type(self)(1 - self.bottom, self.left, 1 - self.top, self.right)
            case _:
                return self

    def blended(self, other: Self, share: float) -> Self:
        """Interpolate linearly: `share` 0 gives this box, 1 the other."""
        keep = 1.0 - share
        return type(self)(
            self.left * keep + other.left * share,
            self.top * keep + other.top * share,
            self.right * keep + other.right * share,
            self.bottom * keep + other.bottom * share,
        )

    def joined(self, other: Self) -> Self:
        """Return the smallest box that contains both."""
        return type(self)(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def overlap(self, other: Self) -> float:
        """Intersection over union, 0 to 1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.width * self.height + other.width * other.height - shared)


@dataclass(frozen=True, slots=True)
class Margin:
    """The distance of a mask's edge from the face's box, which reaches from forehead to chin.

    `share` scales the box. `pixels` are added on each side, since a part of a detector's error does not depend on the
    face's size. `chin` is added below, as a share of half the height, since boxes of faces with masks and beards are
    too short.
    """

    share: float = 1.0
    pixels: float = 0.0
    chin: float = 0.0

    def around(self, box: Box, longer: int, quarters: int = 0) -> Box:
        """Return the mask's box for a face's box, in a frame with a longer side of `longer` pixels.

        `quarters` quarter turns anticlockwise show the frame upright: they decide on which side the chin is.
        """
        grown = box.scaled(self.share)
        pixels = self.pixels * max(1.0, longer / PROPORTIONAL)
        across, along = (box.height, box.width) if quarters % 2 else (box.width, box.height)
        below = self.chin * along / 2
        # The chin of a head that rolls is at a side.
        rolls = min(1.0, max(0.0, across / along - UPRIGHT) / (ROLLED - UPRIGHT)) if along > 0 else 0.0
        shares = {quarters % 4: 1.0, (quarters + 1) % 4: rolls, (quarters + 3) % 4: rolls}
        left, top, right, bottom = (pixels + below * shares.get(turns, 0.0) for turns in (1, 2, 3, 0))
        return Box(grown.left - left, grown.top - top, grown.right + right, grown.bottom + bottom)
