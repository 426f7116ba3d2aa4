"""Which way up the people are, whatever the file says: phones get it wrong, and people lie down.

The detector finds faces up to some 45 degrees from upright. Now and then a frame is looked at from its other
sides too; the side that shows clearly more faces is the one that is looked at from then on.
"""

from typing import Final

from av.video.frame import VideoFrame

from redactor.networks.detection import Detection
from redactor.networks.yunet import YuNet
from redactor.video.picture import Reducer

LONG_SIDE: Final = 320
CLEAR: Final = 0.7  # score of the faces that count
LEAD: Final = 1.3  # how much more another side must show
STRANGE: Final = 0.85  # score of a face that is believed at another angle than the others'
APART: Final = 0.1  # overlap below which it is not one of those, seen twice


class Orientation:
    """Quarter turns, beyond those the file asks for, that show people upright."""

    def __init__(self, detector: YuNet, reducer: Reducer) -> None:
        """`reducer` makes the pictures to compare; they may be smaller than those that faces are looked for in."""
        self.turn = 0
        self._detector = detector
        self._reducer = reducer

    def look(self, frame: VideoFrame) -> list[Detection]:
        """Settle `turn`, and return the sure faces that no other angle shows, in stored pixels."""
        found: list[list[Detection]] = []
        upright = self._reducer.reduce(frame)
        for turn in range(4):
            picture = upright.turned(turn)
            faces = self._detector.detect(picture.pixels, CLEAR)
            found.append([Detection(picture.stored(face.box), face.score) for face in faces])
        weight = [sum(face.score for face in faces) for faces in found]
        best = max(range(4), key=lambda turn: weight[turn])
        if weight[best] > LEAD * weight[self.turn]:
            self.turn = best
        known = [face.box for face in found[self.turn]]
        strange: list[Detection] = []
        for turn, faces in enumerate(found):
            if turn == self.turn:
                continue
            for face in faces:
                if face.score >= STRANGE and all(face.box.overlap(box) < APART for box in known):
                    known.append(face.box)
                    strange.append(face)
        return strange
