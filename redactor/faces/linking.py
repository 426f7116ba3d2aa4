"""Links the candidates of a look to tracks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from redactor.faces.seam import Seam
from redactor.faces.track import ABSENT, FADE, Sighting, Track
from redactor.geometry import Box

STRONG: Final = 1.0  # odds from which candidates are linked first
REACH: Final = 0.7  # a face moves at most this many of its sizes between two detections
FARTHEST: Final = 1.5  # more than REACH can grow to, in sizes of the larger of two boxes
NEAR: Final = 0.4  # the same after a long absence
GROWTH: Final = 2.0  # a face's size changes at most by this factor between two detections
STEADY: Final = 0.4  # overlap across a cut from which a face did not move: the cut was a flash


def link(
    tracks: Sequence[Track], sightings: Sequence[Sighting], edges: Callable[[Box], frozenset[str]], seam: Seam
) -> dict[int, int]:
    """Match tracks to sightings at the least total cost. Return sightings' indices by tracks' indices."""
    if not tracks or not sightings:
        return {}
    time = sightings[0].time  # the same for all of them
    seen = [_Spot(*sighting.box.centre, sighting.box.size, edges(sighting.box)) for sighting in sightings]
    cost = np.full((len(tracks), len(sightings)), math.inf)
    for row, track in enumerate(tracks):
        last, place = track.sightings[-1].box, track.extended(time)
        left = _Spot(*last.centre, last.size, edges(last))
        expected = _Spot(*place.centre, place.size, left.edges)
        for column, (sighting, spot) in enumerate(zip(sightings, seen, strict=True)):
            near, here = sighting, spot
            if seam.exists:
                near = replace(sighting, candidate=replace(sighting.candidate, box=seam.near(sighting.box, place)))
                here = replace(spot, x=near.box.centre[0])
            reach = FARTHEST * max(left.size, expected.size, here.size)
            if min(math.hypot(here.x - known.x, here.y - known.y) for known in (left, expected)) > reach:
                continue  # no cost is finite there, and crowds have many such pairs
            cost[row, column] = _cost(track, left, expected, near, here)
    possible = np.isfinite(cost)
    rows, columns = linear_sum_assignment(np.where(possible, cost, 1e6))
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if possible[r, c]}


@dataclass(frozen=True, slots=True)
class _Spot:
    """A box's centre, size and near edges of the frame, computed once for many pairs of boxes."""

    x: float
    y: float
    size: float
    edges: frozenset[str]


def _cost(track: Track, left: _Spot, expected: _Spot, sighting: Sighting, spot: _Spot) -> float:
    """Return the cost of linking `sighting`, at `spot`, to `track`, or infinity if they cannot belong together.

    `left` is the track's last place, `expected` the place predicted for this frame.
    """
    last = track.sightings[-1]
    if last.scene != sighting.scene:
        return 1.0 if last.box.overlap(sighting.box) >= STEADY else math.inf
    absent = sighting.frame - last.frame
    # A face that left over the frame's edge and returns over it stayed there, partly visible.
    returning = absent > ABSENT and not left.edges.isdisjoint(spot.edges)
    place = left if returning else expected
    if min(place.size, spot.size) <= 0:
        return math.inf
    # After a long absence the predicted place is unreliable, and the reach is shorter.
    reach = NEAR if absent > ABSENT and not returning else REACH
    if sighting.candidate.odds >= STRONG and absent <= ABSENT:
        reach *= 1 + min(absent, FADE) / FADE
    distance = math.hypot(spot.x - place.x, spot.y - place.y) / ((place.size + spot.size) / 2)
    if distance > reach:
        return math.inf
    growth = abs(math.log(spot.size / place.size))
    if growth > math.log(GROWTH):
        return math.inf
    return distance + growth + (0.0 if track.confirmed else 0.5)
