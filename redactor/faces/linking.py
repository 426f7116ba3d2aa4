"""Which candidate of a look belongs to which track."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from redactor.faces.seam import Seam
from redactor.faces.track import ABSENT, FADE, Sighting, Track
from redactor.geometry import Box

STRONG: Final = 1.0  # odds of candidates that are linked first
REACH: Final = 0.7  # a face moves at most this many of its sizes between two detections
NEAR: Final = 0.4  # likewise after a long absence
GROWTH: Final = 2.0  # and its size changes at most by this factor
STEADY: Final = 0.4  # overlap at which a face on both sides of a cut is one that did not move: a flash


def link(
    tracks: Sequence[Track], sightings: Sequence[Sighting], edges: Callable[[Box], frozenset[str]], seam: Seam
) -> dict[int, int]:
    """Index of track to index of sighting, at the least total cost."""
    if not tracks or not sightings:
        return {}
    frame = sightings[0].frame  # which is that of all of them
    seen = [_Spot(*sighting.box.centre, sighting.box.size, edges(sighting.box)) for sighting in sightings]
    cost = np.full((len(tracks), len(sightings)), math.inf)
    for row, track in enumerate(tracks):
        last, place = track.sightings[-1].box, track.extended(frame)
        left = _Spot(*last.centre, last.size, edges(last))
        expected = _Spot(*place.centre, place.size, left.edges)
        for column, (sighting, spot) in enumerate(zip(sightings, seen, strict=True)):
            near, here = sighting, spot
            if seam.exists:
                near = replace(sighting, candidate=replace(sighting.candidate, box=seam.near(sighting.box, place)))
                here = replace(spot, x=near.box.centre[0])
            cost[row, column] = _cost(track, left, expected, near, here)
    possible = np.isfinite(cost)
    rows, columns = linear_sum_assignment(np.where(possible, cost, 1e6))
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if possible[r, c]}


@dataclass(frozen=True, slots=True)
class _Spot:
    """A box's centre, size and the frame's edges that it is near: read once, since there are many pairs of boxes."""

    x: float
    y: float
    size: float
    edges: frozenset[str]


def _cost(track: Track, left: _Spot, expected: _Spot, sighting: Sighting, spot: _Spot) -> float:
    """How badly `sighting`, at `spot`, fits `track`, which is `expected` somewhere else than it was `left`.

    Infinite where it cannot belong to it.
    """
    last = track.sightings[-1]
    if last.scene != sighting.scene:
        return 1.0 if last.box.overlap(sighting.box) >= STEADY else math.inf
    absent = sighting.frame - last.frame
    # What went over the frame's edge and comes back over it was still there, partly visible, and did not move on.
    returning = absent > ABSENT and not left.edges.isdisjoint(spot.edges)
    place = left if returning else expected
    if min(place.size, spot.size) <= 0:
        return math.inf
    # The longer a face was out of sight, the less its place is known; after that, only its old place counts.
    reach = NEAR if absent > ABSENT and not returning else REACH
    if sighting.candidate.odds >= STRONG and absent <= ABSENT:
        reach *= 1 + min(absent, FADE) / FADE
    distance = math.hypot(spot.x - place.x, spot.y - place.y) / ((place.size + spot.size) / 2)
    if distance > reach:
        return math.inf
    growth = abs(math.log(spot.size / place.size))
    if growth > math.log(GROWTH):
        return math.inf
    return distance + growth + (0.0 if track.believed else 0.5)
