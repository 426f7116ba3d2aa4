"""The effort that each quality setting spends on detecting faces."""

from dataclasses import dataclass
from typing import Final

from redactor.geometry import Margin
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
class Scales:
    """The pictures of one look: those for YuNet and those for CenterFace."""

    yunet: tuple[Scale, ...]
    centerface: tuple[Scale, ...] = ()

    def sides(self, longer: int, resolution: Resolution) -> "Sides":
        """Return the sides for frames with a longer side of `longer` pixels."""
        if resolution is Resolution.STANDARD:
            return Sides((STANDARD_SIDE,), (STANDARD_SIDE,) if self.centerface else ())
        return Sides(*(tuple(sorted({scale.side(longer) for scale in some})) for some in (self.yunet, self.centerface)))


@dataclass(frozen=True, slots=True)
class Sides:
    """Longer sides, in pixels, of the pictures of one look."""

    yunet: tuple[int, ...]
    centerface: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Effort:
    """The looks and the mask margin of one quality setting.

    There are `looks_a_second` of footage. Each uses the next of `glances` in turn. Every `careful_seconds`, and at both
    ends of a scene, a `careful` look replaces a glance.
    """

    looks_a_second: float
    glances: tuple[Scales, ...]
    careful: Scales
    careful_seconds: float
    margin: Margin


# Glances alternate between a large picture for small faces and a small one, in which large, dark and blurred faces are
# detected better. Careful looks enlarge small frames: 12-pixel faces are detected at 1280 pixels but not at 640.
_LARGE, _SMALL = Scale(0.4333, 640, 1280), Scale(0.3, 480, 640)
_CLOSE, _CLOSER = Scale(0.5, 960, 1280), Scale(0.6667, 1280, 1600)
_EFFORTS: Final = {
    Quality.FAST: Effort(
        8.0, (Scales((Scale(1 / 3, 480, 640),)),), Scales((_LARGE, _CLOSE), (_LARGE,)), 2.0, Margin(1.17, 2.5, 0.12)
    ),
    Quality.BALANCED: Effort(
        9.0, (Scales((_LARGE,)), Scales((_SMALL,))), Scales((_LARGE, _CLOSER), (_CLOSE,)), 1.5, Margin(1.17, 2.5, 0.12)
    ),
    Quality.ACCURATE: Effort(
        240.0,
        (Scales((_LARGE, _CLOSER), (_CLOSE,)),),
        Scales((_LARGE, _CLOSE, _CLOSER), (_LARGE, _CLOSER)),
        0.5,
        Margin(1.25, 3.0, 0.15),
    ),
}


def effort(options: Options) -> Effort:
    return _EFFORTS[options.quality]


def margin(options: Options) -> Margin:
    """Return the masks' margin. A second pass does not know the quality of the first, and takes the widest."""
    return _EFFORTS[Quality.ACCURATE if options.annotations else options.quality].margin
