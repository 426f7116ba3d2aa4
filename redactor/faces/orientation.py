"""Orientation of people, independent of the file's rotation: phones record it wrongly, and people lie down.

The detector finds faces up to about 45 degrees from upright. From time to time a frame is searched from all four sides,
as closely as from the usual one. A side with faces of its own is then searched in every frame for a while. A side with
clearly more faces than the usual one becomes the usual one.
"""

from collections.abc import Callable, Sequence
from typing import Final

from redactor.geometry import Box
from redactor.networks.detection import Detection

SIDES: Final = range(4)  # quarter turns anticlockwise
BUSY_SECONDS: Final = 1.0  # between two searches of all sides
SEARCHING_SECONDS: Final = 0.4  # the same while no face is in sight
STAY_SECONDS: Final = 3.0  # during which a side is searched after its last face
DOUBTFUL: Final = 0.5  # score from which faces count, each by its excess
LEAD: Final = 1.3  # the ratio by which another side must exceed the usual one to replace it
STRANGE: Final = 0.6  # score from which a face at another angle gets a closer look
MOST_LOOKS: Final = 6  # closer looks in one frame at one side
CLEAR: Final = 0.7  # score from which a face keeps its side under observation
APART: Final = 0.1  # overlap with the usual side's faces below which a face is a new one,
SURER: Final = 0.2  # or the score by which it must exceed theirs

type CloserLook = Callable[[Box, float, int], bool]


class Orientation:
    """Quarter turns, beyond the file's rotation, that show people upright."""

    def __init__(self, rate: float) -> None:
        """`rate` is in frames a second."""
        self.turn = 0
        self._pauses = round(rate * BUSY_SECONDS), round(rate * SEARCHING_SECONDS)
        self._stay = round(rate * STAY_SECONDS)
        self._looked: int | None = None
        self._full = False
        self._shown: dict[int, int] = {}  # by side, the frame in which it last had a face of its own
        self._in_sight = False

    def sides(self, index: int, *, cut: bool) -> list[int]:
        """Return the turns from which to search a frame, the usual one first. `cut`: a new scene begins."""
        busy, searching = self._pauses
        pause = busy if self._in_sight else searching
        self._full = cut or self._looked is None or index - self._looked >= pause
        if self._full:
            self._looked = index
        self._shown = {turn: shown for turn, shown in self._shown.items() if index - shown <= self._stay}
        return [self.turn, *(t for t in SIDES if t != self.turn and (self._full or t in self._shown))]

    @property
    def observed(self) -> list[int]:
        """The turns with recent faces, the usual one first."""
        return [self.turn, *(turn for turn in self._shown if turn != self.turn)]

    def settle(self, index: int, found: dict[int, list[Detection]], closer_look: CloserLook) -> list[Detection]:
        """Select from the detections `found` at each side those that count. All boxes have the same coordinates.

        `closer_look` returns True if a box in this frame, found with that score, holds a face seen from that side.
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
    """Return True if the `usual` side shows nothing in the face's place, or nothing like a face."""
    return all(face.box.overlap(other.box) < APART or other.score < face.score - SURER for other in usual)
