"""Applies decisions to the regions of each frame. docs/review-decisions.md states which decision wins."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Protocol

from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.faces.analysis import RegionedFrame
from redactor.faces.tracking import Region
from redactor.geometry import Box
from redactor.results import Applied, AppliedDrawing, Doubts
from redactor.review.decisions import Cover, Zone
from redactor.review.preparation import Review
from redactor.review.times import Times, holds, touches
from redactor.review.trail import Trail, followed, held
from redactor.video.facts import VideoFacts
from redactor.video.picture import quarters_of
from redactor.video.restarts import AnyPacket

WITHIN: Final = 0.5  # share of a face's box inside a zone from which the zone shows it
PICTURE: Final = Box(0, 0, 1, 1)


class Regions(Protocol):
    """Regions of faces: detected, or from annotations."""

    @property
    def tracks(self) -> int: ...

    @property
    def detections(self) -> int: ...

    @property
    def faces(self) -> int: ...

    def doubts(self) -> Doubts: ...

    def run(self, items: Iterable[VideoFrame | AnyPacket]) -> Iterator[RegionedFrame | AnyPacket]: ...


class Application:
    """Takes the place of the regions that it changes."""

    def __init__(
        self,
        inner: Regions,
        review: Review,
        facts: VideoFacts,
        trails: Mapping[int, Trail],
    ) -> None:
        """`trails` are those of the followed drawings, by number; `shown` does without."""
        decisions = review.decisions
        self._inner = inner
        self._decisions = decisions
        self._facts = facts
        self._quarters = quarters_of(facts.rotation)
        self._times = Times(decisions.timescale, facts)
        self._trails = trails
        self._persons = review.persons
        self._zones = list(enumerate(decisions.zones))
        self._covered: set[int] = set()
        self._shown: set[int] = set()
        self._detections = self._removed = 0
        self._zone_frames = [0] * len(decisions.zones)
        self._drawings: dict[int, tuple[int, int, int]] = {}  # by number: first and last covered tick, and frames

    @property
    def tracks(self) -> int:
        return self._inner.tracks

    @property
    def detections(self) -> int:
        return self._inner.detections if self._persons is None else self._detections

    @property
    def faces(self) -> int:
        return self._inner.faces if self._persons is None else len(self._covered)

    def doubts(self) -> Doubts:
        return self._inner.doubts()

    def applied(self) -> Applied:
        """Return what was applied. Call it after all frames."""
        return Applied(
            shown=len(self._shown - self._covered),
            removed=self._removed,
            drawings=tuple(self._applied_drawing(number) for number in range(len(self._decisions.drawings))),
            zones=tuple(self._zone_frames),
            sound=len(self._decisions.sound),
        )

    def run(self, items: Iterable[VideoFrame | AnyPacket]) -> Iterator[RegionedFrame | AnyPacket]:
        """Yield the same items in the same order, frames with their regions."""
        for item in self._inner.run(items):
            yield item if isinstance(item, Packet) else replace(item, regions=self.regions(item.frame, item.regions))

    def regions(self, frame: VideoFrame, faces: tuple[Region, ...]) -> tuple[Region, ...]:
        """Return the regions to cover in a frame with these faces."""
        start, end = self._times.of(frame)
        covering = [(number, zone) for number, zone in self._zones if _covers(zone, start, end)]
        showing = [(number, zone) for number, zone in self._zones if _shows(zone, start, end)]
        for number, _ in covering:
            self._zone_frames[number] += 1
        whole = [(number, zone) for number, zone in covering if zone.box is None]
        if whole:
            return (self._exact(frame, PICTURE, -1 - whole[0][0]),)
        for number, zone in showing:
            if zone.box is None and zone.id is None:
                self._zone_frames[number] += 1
                return ()
        regions = [self._exact(frame, zone.box, -1 - number) for number, zone in covering if zone.box is not None]
        for number, box in self._drawn(start, end):
            regions.append(self._exact(frame, box, -1 - len(self._zones) - number))
        regions += [face for face in (self._face(frame, face, showing, (start, end)) for face in faces) if face]
        return tuple(regions)

    def shown(self, frame: VideoFrame, faces: tuple[Region, ...]) -> tuple[list[Box], list[Box]]:
        """Return the faces of a frame that are shown on purpose, and the places where all faces are."""
        span = self._times.of(frame)
        if any(zone.box is None and _covers(zone, *span) for _, zone in self._zones):
            return [], []
        showing = [(number, zone) for number, zone in self._zones if _shows(zone, *span)]
        places = [self._stored(frame, zone.box or PICTURE) for _, zone in showing if zone.id is None]
        return [face.box for face in faces if self._face(frame, face, showing, span) is None], places

    def _face(
        self, frame: VideoFrame, face: Region, showing: list[tuple[int, Zone]], span: tuple[int, int]
    ) -> Region | None:
        """Return the face's region, or None if it is not covered."""
        person = None
        if self._persons is not None:
            id_ = self._persons.id_at(face.track, span[0])
            if self._persons.is_removed(id_, *span):
                self._removed += 1
                return None
            person = self._persons.person(id_)
            face = replace(face, track=person)
        zone = next((number for number, zone in showing if self._is_within(frame, face.box, zone, person)), None)
        if zone is not None:
            self._zone_frames[zone] += 1
        if zone is not None or (person is not None and self._persons and person in self._persons.shown):
            self._shown.add(face.track)
            return None
        self._covered.add(face.track)
        self._detections += 1
        return face

    def _is_within(self, frame: VideoFrame, face: Box, zone: Zone, person: int | None) -> bool:
        if zone.id is not None and (self._persons is None or self._persons.person(zone.id) != person):
            return False
        if zone.box is None:
            return True
        return is_within(face, self._stored(frame, zone.box))

    def _drawn(self, start: int, end: int) -> Iterator[tuple[int, Box]]:
        for number, drawing in enumerate(self._decisions.drawings):
            box = followed(drawing, self._trails[number], start, end) if drawing.follow else held(drawing, start, end)
            if box is None:
                continue
            first, _, count = self._drawings.get(number, (start, end, 0))
            self._drawings[number] = first, end, count + 1
            yield number, box

    def _applied_drawing(self, number: int) -> AppliedDrawing:
        first, last, frames = self._drawings.get(number, (0, 0, 0))
        ends = self._trails[number].ends if number in self._trails else (None, None)
        return AppliedDrawing(frames, first, last, *(None if end is None else end.value for end in ends))

    def _exact(self, frame: VideoFrame, box: Box, track: int) -> Region:
        return Region(track, self._stored(frame, box), seen=True, exact=True)

    def _stored(self, frame: VideoFrame, box: Box) -> Box:
        return box.turned(-self._quarters).stretched(frame.width, frame.height)


def is_within(face: Box, place: Box) -> bool:
    """Return True if enough of a face is in a place for it to count as being there."""
    width = min(face.right, place.right) - max(face.left, place.left)
    height = min(face.bottom, place.bottom) - max(face.top, place.top)
    return width > 0 and height > 0 and width * height >= WITHIN * face.area


def _covers(zone: Zone, start: int, end: int) -> bool:
    return zone.action is Cover.COVER and touches(zone.stretch, start, end)


def _shows(zone: Zone, start: int, end: int) -> bool:
    return zone.action is Cover.SHOW and holds(zone.stretch, start, end)
