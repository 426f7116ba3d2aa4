"""Looks for faces in single frames, at the sizes and as thoroughly as the quality asks for."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame

from redactor.faces.effort import effort
from redactor.faces.orientation import SIDES, Orientation
from redactor.faces.seam import Seam
from redactor.faces.tracking import WEAK
from redactor.geometry import Box
from redactor.networks.centerface import CenterFace
from redactor.networks.detection import Detection
from redactor.networks.yunet import YuNet
from redactor.options import Options
from redactor.video.facts import VideoFacts
from redactor.video.picture import Picture, Reducer

DARK: Final = 80.0  # mean shade, of 255, below which a picture is brightened, or YuNet loses faces in its shadows
BRIGHTER: Final = (255 * np.linspace(0, 1, 256) ** 0.7).astype(np.uint8)
SAME: Final = 0.3  # overlap that makes two boxes the same face
CLOSE_UP_SIDE: Final = 96
CLOSE_UP_ROOM: Final = 2.5  # side of the close-up against the box's longer one
# What YuNet's score and twice CenterFace's on the close-up add up to for a face. Of the candidates in labelled
# photographs all 93 faces have at least 0.66 of the latter, and all 13 others at most 0.20.
TOGETHER: Final = 1.2
LEAST_AGREEMENT: Final = 0.25  # of CenterFace, whatever YuNet says
PROBABLE: Final = 0.8  # YuNet's score of a face that the close-up may show lying
# CenterFace's scores on whole pictures are lower: its 0.35 is worth a sure face of YuNet's, its 0.2 a doubtful one.
LEAST_HEAT: Final = 0.2
CLEAR_HEAT: Final = 0.35
CLEAR_BONUS: Final = 0.55
DIM_BONUS: Final = 0.2


class Search:
    """Of one video. Frames come in order, but not all of them have to come."""

    def __init__(self, facts: VideoFacts, options: Options, rate: float, seam: Seam | None = None) -> None:
        """`rate`: frames a second, of all of them."""
        self._seam = seam or Seam(None)
        spent = effort(options)
        aspect = facts.aspect or Fraction(1)
        longer = max(facts.width, facts.height)
        self._looks = [
            [Reducer(side, aspect, facts.rotation, repeated=self._seam.repeated) for side in sides]
            for sides in spent.sides(longer, options.resolution)
        ]
        second = spent.second_opinion.side(longer) if spent.second_opinion else None
        self._second = Reducer(second, aspect, facts.rotation, repeated=self._seam.repeated) if second else None
        self._next = 0
        self._detector = YuNet()
        self._judge = CenterFace()
        self._orientation = Orientation(rate)
        self._turn = 0
        self._picture: Picture | None = None

    def faces(self, index: int, frame: VideoFrame, *, cut: bool) -> list[Detection]:
        """Candidates in the frame with that index, in stored pixels, best first; `cut` if a new scene begins."""
        if cut:
            self._next = 0
        self._turn = usual = self._orientation.turn
        found: dict[int, list[Detection]] = {turn: [] for turn in self._orientation.sides(index, cut=cut)}
        for reducer in self._looks[self._next]:
            self._picture = self._upright(reducer, frame)
            for turn in found:
                picture = self._picture.turned(turn - usual) if turn != usual else self._picture
                found[turn] += self._stored(picture, self._detector.detect(picture.pixels, WEAK))
        self._next = (self._next + 1) % len(self._looks)
        if self._second:
            upright = self._upright(self._second, frame)
            for turn in self._orientation.observed:
                picture = upright.turned(turn - usual) if turn != usual else upright
                faces = self._judge.detect(picture.pixels, LEAST_HEAT)
                found[turn] += self._stored(picture, [_weighed(face) for face in faces])
        return _distinct(
            self._orientation.settle(index, found, lambda box, score, turn: self._agrees(box, score, [turn]))
        )

    def is_face(self, box: Box, score: float) -> bool:
        """Whether CenterFace sees the candidate `box` of the last frame as well when it fills much of a small picture.

        The surer YuNet is, by `score`, the less sure CenterFace has to be.
        """
        return self._agrees(box, score, SIDES if score >= PROBABLE else self._orientation.observed)

    def _agrees(self, box: Box, score: float, sides: Iterable[int]) -> bool:
        assert self._picture is not None
        crop, place = self._picture.close_up(self._seam.inside(box), CLOSE_UP_SIDE, CLOSE_UP_ROOM)
        shares = place.stretched(1 / CLOSE_UP_SIDE, 1 / CLOSE_UP_SIDE)
        wanted = max(LEAST_AGREEMENT, (TOGETHER - score) / 2)
        for turn in {(turn - self._turn) % 4 for turn in sides}:
            turned = shares.turned(turn).stretched(CLOSE_UP_SIDE, CLOSE_UP_SIDE)
            agreed = self._judge.detect(np.ascontiguousarray(np.rot90(crop, turn)), wanted)
            if any(face.box.overlap(turned) > SAME for face in agreed):
                return True
        return False

    def _stored(self, picture: Picture, faces: Sequence[Detection]) -> list[Detection]:
        return [Detection(self._seam.inside(picture.stored(face.box)), face.score) for face in faces]

    def _upright(self, reducer: Reducer, frame: VideoFrame) -> Picture:
        picture = reducer.reduce(frame, self._orientation.turn)
        if picture.pixels[::4, ::4].mean() >= DARK:
            return picture
        return picture.showing(np.asarray(cv2.LUT(picture.pixels, BRIGHTER), np.uint8))


def _weighed(face: Detection) -> Detection:
    """CenterFace's `face` with the score that YuNet would give one so sure."""
    bonus = CLEAR_BONUS if face.score >= CLEAR_HEAT else DIM_BONUS
    return Detection(face.box, min(1.0, face.score + bonus))


def _distinct(detections: list[Detection]) -> list[Detection]:
    """The best of those that show the same face, best first."""
    kept: list[Detection] = []
    for face in sorted(detections, key=lambda face: -face.score):
        if all(face.box.overlap(other.box) < SAME for other in kept):
            kept.append(face)
    return kept
