"""Searches single frames for faces, with the sizes and the effort of the quality setting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import batched
from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.faces.effort import Sides, effort
from redactor.faces.evidence import Candidate, demanded
from redactor.faces.orientation import SIDES, Orientation
from redactor.faces.seam import Seam
from redactor.geometry import Box
from redactor.networks.centerface import CenterFace
from redactor.networks.detection import Detection
from redactor.networks.yunet import YuNet
from redactor.options import Options
from redactor.video.facts import VideoFacts
from redactor.video.picture import Picture, Reducer, quarters_of

DARK: Final = 80.0  # mean shade, of 255, below which a picture is brightened: YuNet misses faces in shadows
BRIGHTER: Final = (255 * np.linspace(0, 1, 256) ** 0.7).astype(np.uint8)
MOST_ENLARGED: Final = 3.0  # larger factors only soften a picture
LEAST_SCORE: Final = 0.2  # YuNet's, for a candidate; 201 of 204 faces have 0.25
LEAST_HEAT: Final = 0.1  # CenterFace's, for a candidate
SAME: Final = 0.3  # overlap from which two boxes are the same face
SPREAD: Final = 0.25  # weight of the union of all boxes of a candidate; their mean has the rest
HEAT_LEAD: Final = 0.35  # added to CenterFace's scores, which are lower than YuNet's on whole pictures
CLOSE_UP_SIDE: Final = 96
CLOSE_UP_ROOM: Final = 2.5  # side of the close-up against the box's longer one
MOST_CLOSE_UPS: Final = 24  # of a careful look, at 2 ms each
HOPELESS: Final = 0.02  # odds of a candidate that a close-up hardly makes a face
PROBABLE: Final = 0.8  # YuNet's score of a face that the close-up may show lying
FOLLOW_ROOM: Final = 3.0  # likewise for a face that is followed and may have moved
FOLLOW_ROW: Final = 4  # close-ups side by side in the picture of a search for faces that are followed
MOST_ROWS: Final = 4  # of such close-ups in one picture
FOLLOWED: Final = 20  # size in the picture at hand, in pixels, below which a face is cut out of the frame itself
CUT_SIDE: Final = 2 * CLOSE_UP_SIDE  # pixels of such a cut: close-ups are linear, which skips no sample up to twice
FOUND_AGAIN: Final = 0.15  # overlap with where a face was expected, from which one is this face
LIKELY: Final = 1.0  # odds that show a face at another angle than the others'


class Look:
    """The candidates in one frame, and closer looks at them. Use it before the next frame's search."""

    def __init__(self, search: "Search", frame: VideoFrame, picture: Picture, candidates: list[Candidate]) -> None:
        """`candidates` are in stored pixels, best first. `picture` is the searched one."""
        self.candidates = candidates
        self._search = search
        self._frame = frame
        self._picture = picture

    def closer(self, candidate: Candidate) -> Candidate:
        """Add CenterFace's score of a close-up, turned all four ways if YuNet is nearly sure."""
        return self._search.close_up(self._picture, candidate)

    def follow(self, boxes: Sequence[Box]) -> list[Candidate | None]:
        """Look for faces near where they are expected, larger than in the whole picture."""
        return self._search.follow(self._frame, boxes, self._picture) if boxes else []


@dataclass(frozen=True, slots=True)
class _Cut:
    """A picture in which a face is followed. `box` is where it is expected, in pixels of the part that it shows.

    `origin` is that part's left and top edges in the frame.
    """

    picture: Picture
    box: Box
    origin: tuple[int, int] = (0, 0)


class Search:
    """The search for faces in one video. Frames come in order, but may be skipped."""

    def __init__(self, facts: VideoFacts, options: Options, rate: float, seam: Seam | None = None) -> None:
        """`rate` is in frames a second, including skipped ones."""
        self._seam = seam or Seam(None)
        spent = effort(options)
        self._aspect, self._rotation = facts.aspect or Fraction(1), facts.rotation
        self._area = float(facts.width * facts.height)
        longer = max(facts.width, facts.height)
        self._reducers: dict[int, Reducer] = {}
        self._glances = [scales.sides(longer, options.resolution) for scales in spent.glances]
        self._careful = spent.careful.sides(longer, options.resolution)
        self._stretch = max(float(self._aspect), 1 / float(self._aspect))
        self._dark = False  # the last picture
        self._next = 0
        self._detector = YuNet()
        self._judge = CenterFace()
        self._orientation = Orientation(rate)

    def careful(self, index: int, frame: VideoFrame, *, cut: bool) -> Look:
        """Search with both networks at several sizes, with close-ups of doubtful candidates. `cut`: a scene begins."""
        self._next = 0
        picture, seen = self._see(index, frame, self._careful, cut=cut)
        doubtful = 0
        for place, one in enumerate(seen):
            needed = demanded(one.box.area / self._area)
            if HOPELESS <= one.odds < needed and doubtful < MOST_CLOSE_UPS:
                doubtful += 1
                seen[place] = self.close_up(picture, one)
        return Look(self, frame, picture, seen)

    def glance(self, index: int, frame: VideoFrame, *, cut: bool = False) -> Look:
        """Search quickly."""
        sides = self._glances[self._next]
        self._next = (self._next + 1) % len(self._glances)
        return Look(self, frame, *self._see(index, frame, sides, cut=cut))

    def close_up(self, picture: Picture, candidate: Candidate, turns: Iterable[int] | None = None) -> Candidate:
        """See `Look.closer`. `turns` are the quarter turns of the close-up; by default the candidate decides."""
        if turns is None:
            turns = SIDES if candidate.yunet >= PROBABLE else self._orientation.observed
        crop, place = picture.close_up(self._seam.inside(candidate.box), CLOSE_UP_SIDE, CLOSE_UP_ROOM)
        shares = place.stretched(1 / CLOSE_UP_SIDE, 1 / CLOSE_UP_SIDE)
        heat = candidate.centerface or 0.0
        shown = picture.quarters - quarters_of(self._rotation)
        for turn in {(turn - shown) % 4 for turn in turns}:
            turned = shares.turned(turn).stretched(CLOSE_UP_SIDE, CLOSE_UP_SIDE)
            agreed = self._judge.detect(np.ascontiguousarray(np.rot90(crop, turn)), LEAST_HEAT)
            heat = max([heat, *(face.score for face in agreed if face.box.overlap(turned) > SAME)])
        return Candidate(candidate.box, candidate.yunet, heat)

    def follow(self, frame: VideoFrame, boxes: Sequence[Box], picture: Picture | None = None) -> list[Candidate | None]:
        """See `Look.follow`. Close-ups share pictures, since many small ones take longer than a large one.

        `picture`: the frame's, if there is one already. Small faces are cut out of the frame itself.
        """
        followed: list[Candidate | None] = []
        for some in batched((self._seam.inside(box) for box in boxes), FOLLOW_ROW * MOST_ROWS, strict=False):
            rows = -(-len(some) // FOLLOW_ROW)
            shared = np.zeros((CLOSE_UP_SIDE * rows, CLOSE_UP_SIDE * FOLLOW_ROW, 3), np.uint8)
            cuts: list[tuple[_Cut, Box]] = []
            for number, box in enumerate(some):
                down, across = (CLOSE_UP_SIDE * part for part in divmod(number, FOLLOW_ROW))
                cut = self._cut(frame, box, picture)
                if cut is None:
                    picture = self._upright(max(self._careful.yunet), frame)
                    cut = _Cut(picture, box)
                crop, place = cut.picture.close_up(cut.box, CLOSE_UP_SIDE, FOLLOW_ROOM)
                shared[down : down + CLOSE_UP_SIDE, across : across + CLOSE_UP_SIDE] = crop
                cuts.append((cut, place.moved(across, down)))
            shown = cuts[0][0].picture.quarters
            faces = [face for turn in self._orientation.observed for face in self._at_turn(shown, shared, turn)]
            followed += [_found_again(faces, *cut) for cut in cuts]
        return followed

    def _cut(self, frame: VideoFrame, box: Box, picture: Picture | None) -> "_Cut | None":
        """Return the picture at hand if the face is large enough in it, or a part of the frame if there can be one."""
        if picture is not None and picture.analysed(box).size >= FOLLOWED:
            return _Cut(picture, box)
        around = box.squared(FOLLOW_ROOM * self._stretch)
        part = self._reducer(max(self._careful.yunet)).cut(frame, around, CUT_SIDE, self._orientation.turn)
        if part is None:
            return None
        pixels, (left, top) = part
        return _Cut(self._brightened(pixels, dark=self._dark), box.moved(-left, -top), (left, top))

    def _at_turn(self, shown: int, shared: NDArray[np.uint8], turn: int) -> list[Detection]:
        """Detect faces in close-ups turned `shown` quarters, at orientation `turn`. Boxes are those of `shared`."""
        quarters = (turn + quarters_of(self._rotation) - shown) % 4
        turned = np.ascontiguousarray(np.rot90(shared, quarters))
        high, wide = turned.shape[:2]
        found = self._detector.detect(turned, LEAST_SCORE)
        shares = ((face.box.stretched(1 / wide, 1 / high).turned(-quarters), face.score) for face in found)
        return [Detection(box.stretched(shared.shape[1], shared.shape[0]), score) for box, score in shares]

    def _see(self, index: int, frame: VideoFrame, sides: Sides, *, cut: bool) -> tuple[Picture, list[Candidate]]:
        """Return the largest picture of a look, and the candidates of all pictures.

        Other orientations are searched from time to time in the smallest picture, and in all while they show faces.
        """
        usual = self._orientation.turn
        found: dict[int, list[Detection]] = {turn: [] for turn in self._orientation.sides(index, cut=cut)}
        observed = self._orientation.observed
        largest = self._upright(max({*sides.yunet, *sides.centerface}), frame)
        pictures = {side: self._from(largest, side, frame) for side in {*sides.yunet, *sides.centerface}}
        for side in sides.yunet:
            for turn in found if side == sides.yunet[0] else observed:
                picture = _turned(pictures[side], turn - usual)
                found[turn] += self._stored(picture, self._detector.detect(picture.pixels, LEAST_SCORE))
        yunet = self._orientation.settle(index, found, lambda *face: self._stands(largest, *face))
        if {*self._orientation.observed} != {*observed}:
            # An orientation with faces came up: it deserves the whole look. The next one finds it settled.
            return self._see(index, frame, sides, cut=False)
        centerface: list[Detection] | None = [] if sides.centerface else None
        for side in sides.centerface:
            for turn in observed:
                assert centerface is not None
                picture = _turned(pictures[side], turn - usual)
                centerface += self._stored(picture, self._judge.detect(picture.pixels, LEAST_HEAT))
        return largest, _fused(yunet, centerface, self._seam)

    def _stands(self, picture: Picture, box: Box, score: float, turn: int) -> bool:
        """Return True if a close-up of a box, found with that score at that turn, shows a face at that turn."""
        return self.close_up(picture, Candidate(box, min(1.0, score)), [turn]).odds >= LIKELY

    def _stored(self, picture: Picture, faces: Sequence[Detection]) -> list[Detection]:
        return [Detection(self._seam.inside(picture.stored(face.box)), face.score) for face in faces]

    def _from(self, largest: Picture, side: int, frame: VideoFrame) -> Picture:
        """Reduce the largest picture of a look to a smaller one, unless it is itself enlarged and so softer."""
        enlarged = max(largest.pixels.shape) > max(frame.width, frame.height)
        return self._upright(side, frame) if enlarged else largest.reduced(side)

    def _upright(self, side: int, frame: VideoFrame) -> Picture:
        picture = self._reducer(side).reduce(frame, self._orientation.turn)
        self._dark = sum(cv2.mean(picture.pixels[::4])[:3]) / 3 < DARK
        return self._brightened(picture, dark=self._dark)

    def _reducer(self, side: int) -> Reducer:
        if side not in self._reducers:
            self._reducers[side] = Reducer(
                side, self._aspect, self._rotation, most_enlarged=MOST_ENLARGED, repeated=self._seam.repeated
            )
        return self._reducers[side]

    def _brightened(self, picture: Picture, *, dark: bool) -> Picture:
        return picture.showing(np.asarray(cv2.LUT(picture.pixels, BRIGHTER), np.uint8)) if dark else picture


def _turned(picture: Picture, quarters: int) -> Picture:
    return picture.turned(quarters) if quarters else picture


def _fused(yunet: Sequence[Detection], centerface: Sequence[Detection] | None, seam: Seam) -> list[Candidate]:
    """Fuse all detections of the same face into one candidate. Return candidates, best first.

    Errors differ by detector and size. So the mean box is more exact than the best one, and the union grows where they
    differ.
    """
    ranked = [(face.score, face, False) for face in yunet]
    ranked += [(face.score + HEAT_LEAD, face, True) for face in centerface or ()]
    groups: list[list[tuple[Detection, bool]]] = []
    for _, face, heat in sorted(ranked, key=lambda one: -one[0]):
        for group in groups:
            near = seam.near(face.box, group[0][0].box)
            if group[0][0].box.overlap(near) >= SAME:
                group.append((Detection(near, face.score), heat))
                break
        else:
            groups.append([(face, heat)])
    found = [_candidate(group, looked=centerface is not None) for group in groups]
    return sorted(found, key=lambda one: -one.odds)


def _candidate(group: Sequence[tuple[Detection, bool]], *, looked: bool) -> Candidate:
    edges: NDArray[np.float64] = np.array([(b.left, b.top, b.right, b.bottom) for b in (face.box for face, _ in group)])
    mean = Box(*(float(edge) for edge in edges.mean(axis=0)))
    outline = Box(*(float(edge) for edge in (*edges[:, :2].min(axis=0), *edges[:, 2:].max(axis=0))))
    yunet = max((face.score for face, heat in group if not heat), default=0.0)
    centerface = max((face.score for face, heat in group if heat), default=0.0)
    return Candidate(mean.blended(outline, SPREAD), min(1.0, yunet), centerface if looked else None)


def _found_again(faces: Sequence[Detection], cut: _Cut, place: Box) -> Candidate | None:
    """Return the face expected at `place` in the shared picture."""
    near = [face for face in faces if face.box.overlap(place) >= FOUND_AGAIN]
    if not near:
        return None
    best = max(near, key=lambda face: face.score * face.box.overlap(place))
    expected = cut.picture.analysed(cut.box)
    factor = expected.width / place.width
    (left, top), (x, y) = place.centre, expected.centre
    found = cut.picture.stored(best.box.moved(-left, -top).stretched(factor, factor).moved(x, y))
    return Candidate(found.moved(*cut.origin), min(1.0, best.score))
