"""The places of one drawn thing over time, put together from its keyframes and from following."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from redactor.geometry import Box
from redactor.review.decisions import Drawing, Keyframe

AGREEING: Final = 0.5  # overlap of two places, followed from both sides, from which they are one
ARRIVED: Final = 0.3  # overlap with the keyframe at the end of the way
SURER: Final = 0.3  # difference in likeness from which one of two places that disagree is the thing's
MARGIN: Final = 1.12  # of a place
DRIFT: Final = 0.005  # further margin for each step of following,
MOST_DRIFT: Final = 0.15  # up to this
DOUBT: Final = 0.35  # further margin of a place that does not look like the thing at all
PIXELS: Final = 0.002  # margin on each side, in shares of the picture's longer side


class End(StrEnum):
    """Why a thing is no longer covered."""

    VIDEO = "video"  # the video ends
    SET = "set"  # the drawing's own start or end
    CUT = "cut"
    LEFT = "left"  # it left the picture
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Place:
    """A thing's place in one frame, in shares of the upright picture, with the likeness to the thing, 0 to 1.

    `steps` counts frames from the keyframe.
    """

    time: int
    box: Box
    likeness: float = 1.0
    steps: int = 0


@dataclass(slots=True)
class Way:
    """Places in one direction from a keyframe, which is the first of them, and why they end."""

    places: list[Place]
    end: End = End.VIDEO


@dataclass(frozen=True, slots=True)
class Trail:
    """The ways from each keyframe: `before` backwards, `after` forwards. Both have the keyframe's frame first."""

    before: Sequence[Way]
    after: Sequence[Way]

    @property
    def ends(self) -> tuple[End, End]:
        """Why the thing is not covered before the first place and after the last one."""
        return self.before[0].end, self.after[-1].end


def held(drawing: Drawing, start: int, end: int) -> Box | None:
    """Return the place in a frame from `start` up to `end` of a thing that is not followed."""
    keys = drawing.keyframes
    first = drawing.stretch.start if drawing.stretch.start is not None else keys[0].time
    last = drawing.stretch.end if drawing.stretch.end is not None else keys[-1].time + 1
    if end <= first or start >= last:
        return None
    return interpolated(keys, start)


def interpolated(keys: Sequence[Keyframe], time: int) -> Box:
    after = bisect_right(keys, time, key=lambda key: key.time)
    if after in {0, len(keys)}:
        return keys[max(0, after - 1)].box
    one, other = keys[after - 1], keys[after]
    return one.box.blended(other.box, (time - one.time) / (other.time - one.time))


def followed(drawing: Drawing, trail: Trail, start: int, end: int) -> Box | None:
    """Return the box to cover in a frame from `start` up to `end` of a thing that is followed."""
    keys = drawing.keyframes
    after = bisect_left(keys, end, key=lambda key: key.time)  # keyframes from here on are of later frames
    if after and keys[after - 1].time >= start:
        return _widened(Place(start, keys[after - 1].box))
    forwards = _at(trail.after[after - 1], start) if after else None
    backwards = _at(trail.before[after], start, backwards=True) if after < len(keys) else None
    if not 0 < after < len(keys):
        place = forwards or backwards
        return None if place is None else _widened(place)
    # Between two keyframes a person has seen the thing on both sides.
    straight = _widened(Place(start, interpolated(keys, start), 0.0))
    # A way that does not arrive where the other one begins went astray.
    arrived = _arrives(trail.after[after - 1], keys[after]), _arrives(trail.before[after], keys[after - 1])
    share = (start - keys[after - 1].time) / (keys[after].time - keys[after - 1].time)
    if forwards is not None and backwards is not None:
        return _agreed(forwards, backwards, arrived, share)
    place, way = (forwards, trail.after[after - 1]) if forwards else (backwards, trail.before[after])
    if place is None:
        return straight
    # Up to a cut one way is all there is. Otherwise the other one was lost, and this one may have gone astray.
    return _widened(place) if way.end is End.CUT or any(arrived) else _widened(place).joined(straight)


def _agreed(forwards: Place, backwards: Place, arrived: tuple[bool, bool], share: float) -> Box:
    """Return the box for two places of one frame, `share` of the time from one keyframe to the next."""
    one, other = _widened(forwards), _widened(backwards)
    if one.overlap(other) >= AGREEING:
        return one.blended(other, share)
    if arrived[0] != arrived[1]:
        return one if arrived[0] else other
    if abs(forwards.likeness - backwards.likeness) > SURER:
        return one if forwards.likeness > backwards.likeness else other
    return one.joined(other)


def _arrives(way: Way, key: Keyframe) -> bool:
    """Return True if a way leads to the next keyframe's place."""
    return way.end in {End.VIDEO, End.SET} and way.places[-1].box.overlap(key.box) >= ARRIVED


def _at(way: Way, time: int, *, backwards: bool = False) -> Place | None:
    sign = -1 if backwards else 1
    index = bisect_left(way.places, sign * time, key=lambda place: sign * place.time)
    return way.places[index] if index < len(way.places) and way.places[index].time == time else None


def _widened(place: Place) -> Box:
    drift = min(MOST_DRIFT, DRIFT * place.steps)
    grown = place.box.scaled(MARGIN + drift + DOUBT * (1 - place.likeness))
    return Box(grown.left - PIXELS, grown.top - PIXELS, grown.right + PIXELS, grown.bottom + PIXELS)
