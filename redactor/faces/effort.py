"""What each quality setting spends on finding faces."""

from dataclasses import dataclass
from typing import Final

from redactor.options import Options, Quality, Resolution

STANDARD_SIDE: Final = 640  # StandardDefinition analyses 640x360


@dataclass(frozen=True, slots=True)
class Scale:
    """The analysed picture's longer side: a share of the frame's, between `least` and `most` pixels."""

    share: float
    least: int
    most: int

    def side(self, longer: int) -> int:
        return min(self.most, max(self.least, round(self.share * longer)))


@dataclass(frozen=True, slots=True)
class Effort:
    """`detections_a_second` of footage, each by the next of `looks`, in turn, at all of its scales.

    `margin`: a mask's axes against the face's box; `second_opinion`: the scale at which CenterFace looks each time.
    """

    detections_a_second: float
    looks: tuple[tuple[Scale, ...], ...]
    margin: float
    second_opinion: Scale | None = None

    def sides(self, longer: int, resolution: Resolution) -> list[list[int]]:
        """Longer sides in pixels of the pictures of each look at frames whose longer side is given."""
        if resolution is Resolution.STANDARD:
            return [[STANDARD_SIDE]]
        return [sorted({scale.side(longer) for scale in look}) for look in self.looks]


# Balanced: a large picture for small faces, and in turn a small one, which shows large, dark and blurred ones better.
# Together they find more than one of 736 pixels of 1080p twice as often, at less cost. Fewer than 640 of a 640x360
# picture lose faces.
_LARGE, _SMALL = Scale(0.4333, 640, 1280), Scale(0.3, 480, 640)
_EFFORTS: Final = {
    Quality.FAST: Effort(8.0, ((Scale(1 / 3, 480, 640),),), 1.35),
    Quality.BALANCED: Effort(9.0, ((_LARGE,), (_SMALL,)), 1.33),
    Quality.ACCURATE: Effort(240.0, ((Scale(0.4, 640, 960), Scale(0.7, 960, 1440)),), 1.45, Scale(0.5, 640, 960)),
}


def effort(options: Options) -> Effort:
    return _EFFORTS[options.quality]
