"""Follows drawn things through a video, in a pass before the one that covers them.

One reading follows all things forwards. Small pictures of the frames just read wait in a store of bounded size, through
which things are followed backwards from their keyframes. If the store does not reach far enough back, the file is read
again up to that place. So memory does not grow with the video, apart from the places themselves.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.errors import ConfigurationUnsupported
from redactor.faces.scenes import CutDetector
from redactor.geometry import Box
from redactor.review.decisions import Decisions, Drawing
from redactor.review.follower import Follower, Luma, visible
from redactor.review.times import Times
from redactor.review.trail import End, Place, Trail, Way
from redactor.video.facts import VideoFacts
from redactor.video.picture import luma, quarters_of
from redactor.video.restarts import AnyPacket

LONGEST_SIDE: Final = 1280  # of the small pictures
STORED_BYTES: Final = 96 * 2**20
QUALITY: Final = 92  # of a stored picture's JPEG
PATIENCE_SECONDS: Final = 0.6  # without a sight of the thing, until it is lost
LEAST_VISIBLE: Final = 0.12  # share of the thing inside the picture; with less it has left

type Items = Generator[VideoFrame | AnyPacket]


@dataclass(frozen=True, slots=True)
class _Stored:
    index: int
    start: int
    end: int
    cut: bool
    picture: bytes


@dataclass(slots=True)
class _Walker:
    """One thing on its way in one direction."""

    drawing: Drawing
    way: Way
    follower: Follower
    unseen_since: int | None = None  # number of places before the first guess since the last sight
    over: bool = False

    def end(self, why: End) -> None:
        """End the way. Guesses at its end are kept: until now it was there or hidden."""
        self.way.end, self.over = why, True


@dataclass(slots=True)
class _Rest:
    """A way backwards that the store did not reach to the end: it goes on before the frame `index`."""

    index: int
    walker: _Walker


@dataclass(slots=True)
class _Store:
    frames: deque[_Stored] = field(default_factory=deque)
    size: int = 0

    def add(self, frame: _Stored) -> None:
        self.frames.append(frame)
        self.size += len(frame.picture)
        while self.size > STORED_BYTES:
            self.size -= len(self.frames.popleft().picture)


def follow(
    decisions: Decisions, facts: VideoFacts, read: Callable[[], Items], report: Callable[[int], None]
) -> dict[int, Trail]:
    """Return the trails of the followed drawings, by number.

    `read` reads the video from its start; it is called several times if things are to be followed far back. `report`
    is called with each frame's number.
    """
    drawings = {number: one for number, one in enumerate(decisions.drawings) if one.follow}
    if not drawings:
        return {}
    run = _Pass(facts, Times(decisions.timescale, facts), drawings)
    run.forwards(read(), report)
    while run.rests:
        run.further_back(read(), report)
    return run.trails()


class _Pass:
    def __init__(self, facts: VideoFacts, times: Times, drawings: dict[int, Drawing]) -> None:
        self._times = times
        self._drawings = drawings
        self._quarters = quarters_of(facts.rotation)
        self._patience = max(2, round(PATIENCE_SECONDS * float(facts.rate)))
        factor = min(1.0, LONGEST_SIDE / max(facts.width, facts.height))
        self._size = max(1, round(facts.width * factor)), max(1, round(facts.height * factor))
        self._before: dict[int, list[Way]] = {number: [] for number in drawings}
        self._after: dict[int, list[Way]] = {number: [] for number in drawings}
        self.rests: list[_Rest] = []

    def trails(self) -> dict[int, Trail]:
        for number, drawing in self._drawings.items():
            for key in drawing.keyframes[len(self._after[number]) :]:
                raise ConfigurationUnsupported(
                    f"drawings[{number}] has a keyframe at {key.time}, after the video's end"
                )
        return {number: Trail(self._before[number], self._after[number]) for number in self._drawings}

    def forwards(self, items: Items, report: Callable[[int], None]) -> None:
        """Follow everything forwards, and backwards as far as the store reaches."""
        store = _Store()
        walking: dict[int, _Walker] = {}
        latest = max(drawing.keyframes[-1].time for drawing in self._drawings.values())
        for stored, picture in self._pictures(items):
            report(stored.index)
            for number, walker in list(walking.items()):
                self._step(walker, stored, picture, End.CUT if stored.cut else None)
                if walker.over:
                    del walking[number]
            store.add(stored)
            for number, drawing in self._drawings.items():
                for key in drawing.keyframes[len(self._after[number]) :]:
                    if key.time >= stored.end:
                        break
                    walking[number] = self._begun(drawing, self._after[number], stored, picture, key.box)
                    back = self._begun(drawing, self._before[number], stored, picture, key.box)
                    self._back(back, store, stored)
            if not walking and stored.start > latest:
                return

    def further_back(self, items: Items, report: Callable[[int], None]) -> None:
        """Continue the ways backwards that did not reach their ends."""
        rests, self.rests = sorted(self.rests, key=lambda rest: rest.index), []
        store = _Store()
        for stored, _ in self._pictures(items):
            while rests and rests[0].index == stored.index:
                self._back(rests.pop(0).walker, store, stored)
            if not rests:
                return
            report(stored.index)
            store.add(stored)

    def _pictures(self, items: Items) -> Iterator[tuple[_Stored, Luma]]:
        cuts, index = CutDetector(), 0
        with contextlib.closing(items):
            for item in items:
                if isinstance(item, Packet):
                    continue
                start, end = self._times.of(item)
                small = np.asarray(cv2.resize(luma(item), self._size, interpolation=cv2.INTER_AREA), np.uint8)
                coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
                yield _Stored(index, start, end, cuts.is_cut(item), coded), small
                index += 1

    def _begun(self, drawing: Drawing, ways: list[Way], stored: _Stored, picture: Luma, box: Box) -> _Walker:
        way = Way([Place(stored.start, box)])
        ways.append(way)
        return _Walker(drawing, way, Follower(picture, self._in_pixels(box)))

    def _back(self, walker: _Walker, store: _Store, here: _Stored) -> None:
        """Follow a thing back from the frame `here` through the store."""
        former = [key.time for key in walker.drawing.keyframes if key.time < walker.way.places[0].time]
        cut, index = here.cut, here.index
        for stored in reversed(store.frames):
            if stored.index >= here.index:
                continue
            index = stored.index
            picture = np.asarray(cv2.imdecode(np.frombuffer(stored.picture, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
            self._step(walker, stored, picture, End.CUT if cut else None)
            if former and former[-1] >= stored.start and not walker.over:
                walker.end(End.SET)
            if walker.over:
                return
            cut = stored.cut
        if index > 0:
            self.rests.append(_Rest(index, walker))

    def _step(self, walker: _Walker, stored: _Stored, picture: Luma, cut: End | None) -> None:
        stretch = walker.drawing.stretch
        outside = (stretch.end is not None and stored.start >= stretch.end) or (
            stretch.start is not None and stored.end <= stretch.start
        )
        if outside or cut is not None:
            walker.end(End.SET if outside else End.CUT)
            return
        sight = walker.follower.step(picture)
        if visible(sight.box, *self._size) < LEAST_VISIBLE:
            walker.end(End.LEFT)
            return
        places = walker.way.places
        if sight.seen:
            walker.unseen_since = None
        elif walker.unseen_since is None:
            walker.unseen_since = len(places)
        likeness = sight.likeness if sight.seen else 0.0
        places.append(Place(stored.start, self._in_shares(sight.box), likeness, len(places)))
        if walker.unseen_since is not None and len(places) - walker.unseen_since > self._patience:
            walker.end(End.LOST)

    def _in_pixels(self, box: Box) -> Box:
        return box.turned(-self._quarters).stretched(*self._size)

    def _in_shares(self, box: Box) -> Box:
        return box.stretched(1 / self._size[0], 1 / self._size[1]).turned(self._quarters)
