"""Counts repairs of an input's times and pictures, with the place of the first of each kind."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Repair(StrEnum):
    """Kinds of repair, as `Result.converted` names them."""

    START = "times: clock moved to 0 from"
    RESTART = "times: clock restarts bridged"
    REORDERED = "times: pictures timed in the decoder's order"
    MISSING = "times: pictures without a time placed evenly"
    EQUAL = "times: pictures moved a tick behind the one before"
    SOUND = "times: sound packets moved behind the one before"
    GAP = "sound: gaps filled with silence"
    OVERLAP = "sound: overlaps cut"
    LEADING = "pictures: left out, since they need pictures from before the start"
    CROP = "pictures: cut to the container's crop"
    FITTED = "pictures: of another size, shape or format, fitted"
    COLOUR = "colour: the container's transfer overrides the stream's, as ISO/IEC 14496-12 demands"
    SOUND_LOST = "damage: sound packets left out"
    CUT_SHORT = "damage: file is cut short"


@dataclass(slots=True)
class _Count:
    number: int
    first: Fraction
    detail: str


class Repairs:
    """The repairs of one input. Not safe for several threads."""

    def __init__(self) -> None:
        self._counts: dict[Repair, _Count] = {}

    def note(self, kind: Repair, at: Fraction, detail: str = "") -> None:
        """Count a repair. `at` is in seconds of the input's clock, with restarts bridged."""
        count = self._counts.setdefault(kind, _Count(0, at, detail))
        count.number += 1

    def described(self, origin: Fraction) -> tuple[str, ...]:
        """Return one line for each kind. Places are in seconds after `origin`, the input's time of the output's 0."""
        return tuple(_line(kind, count, origin) for kind, count in self._counts.items())


def _line(kind: Repair, count: _Count, origin: Fraction) -> str:
    if kind is Repair.START:
        return f"{kind} {float(count.first):.3f} s"
    if kind in {Repair.CROP, Repair.CUT_SHORT, Repair.COLOUR}:
        return f"{kind}: {count.detail}"
    detail = f", {count.detail}" if count.detail else ""
    return f"{kind}: {count.number}, first at {float(count.first - origin):.3f} s{detail}"
