"""Which ways up the people are, whatever the file says: phones get it wrong, and people lie down.

The detector finds faces up to some 45 degrees from upright. Now and then a frame is looked at from all four sides, as
closely as from the usual one. A side that shows faces of its own is looked at in every frame for a while; the side
that shows clearly more than the usual one becomes the usual one.
"""

from collections.abc import Callable, Sequence
from typing import Final

from redactor.geometry import Box
from redactor.networks.detection import Detection

SIDES: Final = range(4)  # quarter turns anticlockwise
BUSY_SECONDS: Final = 1.0  # between two looks at all sides
SEARCHING_SECONDS: Final = 0.4  # likewise while no face is in sight
STAY_SECONDS: Final = 3.0  # for which a side is looked at after it last showed a face of its own
DOUBTFUL: Final = 0.5  # score from which faces count, by how much they exceed it
LEAD: Final = 1.3  # how much more another side must show to become the usual one
STRANGE: Final = 0.6  # score of a face at another angle than the others' that a closer look is worth
MOST_LOOKS: Final = 6  # of them, in one frame at one side
CLEAR: Final = 0.7  # score of a face that keeps its side under observation
APART: Final = 0.1  # overlap below which it is not one of those, seen twice,
SURER: Final = 0.2  # or how much higher its score is than theirs, if it is

type CloserLook = Callable[[Box, float, int], bool]


class Orientation:
    """Quarter turns, beyond those the file asks for, that show people upright."""

    def __init__(self, rate: float) -> None:
        """`rate`: frames a second."""
        self.turn = 0
        self._pauses = round(rate * BUSY_SECONDS), round(rate * SEARCHING_SECONDS)
        self._stay = round(rate * STAY_SECONDS)
        self._looked: int | None = None
        self._full = False
        self._shown: dict[int, int] = {}  # a side, and the frame in which it last showed a face of its own
        self._in_sight = False

    def sides(self, index: int, *, cut: bool) -> list[int]:
        """The turns to look at the frame with that index, the usual one first; `cut` if a new scene begins."""
        busy, searching = self._pauses
        pause = busy if self._in_sight else searching
        self._full = cut or self._looked is None or index - self._looked >= pause
        if self._full:
            self._looked = index
        self._shown = {turn: shown for turn, shown in self._shown.items() if index - shown <= self._stay}
        return [self.turn, *(t for t in SIDES if t != self.turn and (self._full or t in self._shown))]

    @property
    def observed(self) -> list[int]:
        """The turns at which faces were found lately, the usual one first."""
        return [self.turn, *(turn for turn in self._shown if turn != self.turn)]

    def settle(self, index: int, found: dict[int, list[Detection]], closer_look: CloserLook) -> list[Detection]:
        """The detections that count, of those `found` at each of the sides; all boxes in the same coordinates.

        `closer_look` answers whether a box in this frame, found with that score, holds a face seen from that side.
        """
        for turn, faces in found.items():
            if turn == self.turn:
                continue
            own = [face for face in faces if face.score >= STRANGE and _is_news(face, found[self.turn])]
            own.sort(key=lambda face: -face.score)
            still = turn in self._shown and any(face.score >= CLEAR for face in own)
            if still or (self._full and any(closer_look(f.box, f.score, turn) for f in own[:MOST_LOOKS])):
                self._shown[turn] = index
        if self._full:
            weight = {turn: _weight(found[turn]) for turn in self.observed}
            best = max(weight, key=lambda turn: weight[turn])
            if weight[best] > LEAD * weight[self.turn]:
                self._shown[self.turn] = index
                self.turn = best
        self._in_sight = any(_weight(found[turn]) > 0 for turn in self.observed if turn in found)
        return [face for turn in self.observed for face in found.get(turn, ())]


def _weight(faces: Sequence[Detection]) -> float:
    return sum(max(0.0, face.score - DOUBTFUL) for face in faces)


def _is_news(face: Detection, usual: Sequence[Detection]) -> bool:
    """Whether the `usual` side shows nothing in its place, or nothing like a face."""
    return all(face.box.overlap(other.box) < APART or other.score < face.score - SURER for other in usual)
