"""Follows a thing of any kind from picture to picture, in either direction of time.

Points inside the box are followed by optical flow. Only those count that come back from where they went (MedianFlow:
Kalal et al., 2010). Then the thing's appearance, at the keyframe and lately, is searched near that place by normalised
cross-correlation. This removes drift, and shows whether the thing is still there. A badge and a bus take the same
time: the search is in a small picture around the thing, in which it always has about the same size.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.geometry import Box

type Luma = NDArray[np.uint8]
type Shades = NDArray[np.float32]

SIDE: Final = 44  # longer side of the thing in the small picture
ROOM: Final = 3  # sides of the small picture, in sides of the thing
MOST_ENLARGED: Final = 2.0
LEAST_SIDE: Final = 6  # pixels of a template
POINTS: Final = 9  # in a row and in a column
WINDOW: Final = (11, 11)  # of optical flow
LEVELS: Final = 3
RETURNED: Final = 1.0  # pixels from its origin at which a point followed back counts
LEAST_POINTS: Final = 8
SCALES: Final = (0.97, 1.0, 1.03)
REACH: Final = 0.2  # search around the place that flow found, in sides of the thing
FAR_REACH: Final = 0.9  # the same without flow
DISTANCE: Final = 0.3  # loss of likeness at one side's distance from the expected place
SURE: Final = 0.6  # likeness from which the found place replaces that of flow
FOUND: Final = 0.75  # weight of the found place beside that of flow
SEEN: Final = 0.4  # likeness from which the thing is there
FLOWING: Final = 0.35  # the same while flow agrees
AGAIN: Final = 0.5  # the same after it was not there
ANCHORED: Final = 0.55  # likeness to the keyframe's picture from which a new one is learnt
LEARNT: Final = 0.15  # weight of a new picture in the recent appearance
LARGEST_STEP: Final = 1.15  # of the size in one frame
STEEPEST: Final = math.radians(45)  # roll since the keyframe
SLOWING: Final = 0.8  # share of the motion kept in a frame without a sight


@dataclass(frozen=True, slots=True)
class Sight:
    """The thing's place in one picture. `likeness` is 0 to 1; `seen` is False where the place is a guess."""

    box: Box
    likeness: float
    seen: bool


@dataclass(frozen=True, slots=True)
class _Stage:
    """A small square picture of a part of a picture."""

    pixels: Luma
    left: int
    top: int
    factor: float

    def place(self, box: Box) -> Box:
        return box.moved(-self.left, -self.top).stretched(self.factor, self.factor)


class Follower:
    """Follows one thing. Pictures are (height, width) luma, all of one size, and follow each other in time."""

    def __init__(self, picture: Luma, box: Box) -> None:
        """`box` is the thing's place in `picture`, in its pixels."""
        self._picture = picture
        self._box = box
        self._motion = 0.0, 0.0
        self._seen = True
        self._roll = 0.0  # since the keyframe, in radians
        stage = _staged(picture, box, box.centre)
        self._first = _cut(stage.pixels, stage.place(box))
        self._recent = self._first.astype(np.float32)

    def step(self, picture: Luma) -> Sight:
        """Return the thing's place in the next picture."""
        expected = self._box.moved(*self._motion)
        before = _staged(self._picture, self._box, self._box.centre)
        after = _staged(picture, self._box, expected.centre)
        flow, roll = _flow(before, after, self._box, picture.shape)
        place = flow or expected
        near = flow is not None and self._seen
        found, likeness, original = self._search(after, place, REACH if near else FAR_REACH, picture.shape)
        if likeness >= SURE:
            place = place.blended(found, FOUND) if near else found
        else:  # flow may be of what is behind the thing, whose growth is not the thing's
            (x, y), (x0, y0) = place.centre, self._box.centre
            place, roll = self._box.moved(x - x0, y - y0), 0.0
        least = AGAIN if not self._seen else FLOWING if flow else SEEN
        seen = likeness >= least
        if seen:
            (x0, y0), (x1, y1) = self._box.centre, place.centre
            self._motion = (self._motion[0] + x1 - x0) / 2, (self._motion[1] + y1 - y0) / 2
        else:
            self._motion = self._motion[0] * SLOWING, self._motion[1] * SLOWING
        # What resembles only lately learnt pictures may be what is behind the thing.
        if likeness >= SURE and original >= ANCHORED and _clipped(place, picture.shape) == place:
            new = cv2.resize(_cut(after.pixels, after.place(place)), self._recent.shape[::-1])
            self._recent = np.asarray((1 - LEARNT) * self._recent + LEARNT * new, np.float32)
        self._picture, self._box, self._seen = picture, place, seen
        self._roll = min(max(self._roll + roll, -STEEPEST), STEEPEST)
        return Sight(_rolled(place, self._roll), max(0.0, likeness), seen)

    def _search(self, stage: _Stage, box: Box, reach: float, shape: tuple[int, ...]) -> tuple[Box, float, float]:
        """Return the most likely place near `box`, its likeness, and that to the keyframe's picture.

        Only what is inside the picture is compared.
        """
        best, best_value, best_likeness, original = box, -1.0, -1.0, -1.0
        shown = _clipped(box, shape)
        if min(shown.width, shown.height) <= 0:
            return box, 0.0, 0.0
        looks = [_part(look, box, shown) for look in (self._first, np.asarray(self._recent, np.uint8))]
        place = stage.place(shown)
        radius = reach * max(place.width, place.height)
        for scale in SCALES if shown == box else (1.0,):
            width, height = (max(LEAST_SIDE, round(side * scale)) for side in (place.width, place.height))
            x, y = place.centre
            left, top = round(x - width / 2 - radius), round(y - height / 2 - radius)
            area = _window(stage.pixels, left, top, width + 2 * round(radius), height + 2 * round(radius))
            maps = [
                cv2.matchTemplate(area, np.asarray(cv2.resize(look, (width, height)), np.uint8), cv2.TM_CCOEFF_NORMED)
                for look in looks
            ]
            maps = [np.where(np.isfinite(one), one, 0) for one in maps]
            distances = _distances(maps[0].shape) / max(place.width, place.height)
            values = (maps[0] + maps[1]) / 2 - DISTANCE * distances**2 - (scale != 1.0) * 0.005
            row, column = np.unravel_index(int(values.argmax()), values.shape)
            if values[row, column] > best_value:
                best_value = float(values[row, column])
                original = float(maps[0][row, column])
                best_likeness = max(original, float(maps[1][row, column]))
                shift = (left + column + width / 2 - x) / stage.factor, (top + row + height / 2 - y) / stage.factor
                best = box.scaled(scale).moved(*shift)
        return best, best_likeness, original


def _flow(before: _Stage, after: _Stage, box: Box, shape: tuple[int, ...]) -> tuple[Box | None, float]:
    """Return the box after the points inside it moved, or None if too few can be followed, and the roll in radians."""
    inner = before.place(_clipped(box, shape).scaled(0.9))
    if min(inner.width, inner.height) < 1:
        return None, 0.0
    across = np.linspace(inner.left, inner.right, POINTS, dtype=np.float32)
    down = np.linspace(inner.top, inner.bottom, POINTS, dtype=np.float32)
    points = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 1, 2)
    options = {"winSize": WINDOW, "maxLevel": LEVELS}
    moved, there, _ = cv2.calcOpticalFlowPyrLK(before.pixels, after.pixels, points, None, **options)  # type: ignore[call-overload]
    back, here, _ = cv2.calcOpticalFlowPyrLK(after.pixels, before.pixels, moved, None, **options)  # type: ignore[call-overload]
    error = np.linalg.norm(back - points, axis=-1).ravel()
    good = (there.ravel() == 1) & (here.ravel() == 1) & (error < RETURNED)
    if good.sum() < LEAST_POINTS:
        return None, 0.0
    start, end = points.reshape(-1, 2)[good], moved.reshape(-1, 2)[good]
    shift = np.median(end - start, axis=0)
    apart, later = start[:, None] - start[None], end[:, None] - end[None]
    lengths = np.linalg.norm(apart, axis=-1)
    far = lengths > max(inner.width, inner.height) / 4
    scale, roll = 1.0, 0.0
    if far.any():
        scale = float(np.median(np.linalg.norm(later, axis=-1)[far] / lengths[far]))
        scale = min(max(scale, 1 / LARGEST_STEP), LARGEST_STEP)
        crossed = apart[..., 0] * later[..., 1] - apart[..., 1] * later[..., 0]
        roll = float(np.median(np.arctan2(crossed, (apart * later).sum(axis=-1))[far]))
    # The small pictures are of different places, so their difference is a part of the motion. Scaling is about the
    # points' middle, which is not the box's where a part of it is outside.
    x = float(shift[0]) / after.factor + after.left - before.left
    y = float(shift[1]) / after.factor + after.top - before.top
    return box.scaled(scale).moved(x, y), roll


def _rolled(box: Box, roll: float) -> Box:
    """Return the upright box around a box that is turned about its centre."""
    cosine, sine = math.cos(roll), abs(math.sin(roll))
    (x, y), width, height = box.centre, box.width, box.height
    across, down = (width * cosine + height * sine) / 2, (width * sine + height * cosine) / 2
    return Box(x - across, y - down, x + across, y + down)


def _staged(picture: Luma, box: Box, centre: tuple[float, float]) -> _Stage:
    """Cut the small picture around `centre` out, for a thing of the box's size."""
    longer = max(box.width, box.height, 1.0)
    size = max(round(ROOM * longer), 1)
    side = ROOM * min(SIDE, round(longer * MOST_ENLARGED))
    left, top = round(centre[0] - size / 2), round(centre[1] - size / 2)
    area = _window(picture, left, top, size, size)
    way = cv2.INTER_AREA if side < size else cv2.INTER_LINEAR
    return _Stage(np.asarray(cv2.resize(area, (side, side), interpolation=way), np.uint8), left, top, side / size)


def _window(pixels: Luma, left: int, top: int, width: int, height: int) -> Luma:
    """Cut a rectangle out. Beyond the edges the picture's edge is repeated."""
    high, wide = pixels.shape
    x0, x1 = (min(max(x, 0), wide - 1) for x in (left, left + width - 1))
    y0, y1 = (min(max(y, 0), high - 1) for y in (top, top + height - 1))
    inside = pixels[y0 : y1 + 1, x0 : x1 + 1]
    before = min(max(-top, 0), height - inside.shape[0]), min(max(-left, 0), width - inside.shape[1])
    after = height - inside.shape[0] - before[0], width - inside.shape[1] - before[1]
    if not any((*before, *after)):
        return inside
    return np.asarray(
        cv2.copyMakeBorder(inside, before[0], after[0], before[1], after[1], cv2.BORDER_REPLICATE), np.uint8
    )


def _cut(pixels: Luma, box: Box) -> Luma:
    width, height = (max(LEAST_SIDE, round(side)) for side in (box.width, box.height))
    x, y = box.centre
    return _window(pixels, round(x - width / 2), round(y - height / 2), width, height)


def _distances(shape: tuple[int, ...]) -> Shades:
    down, across = (np.arange(side, dtype=np.float32) - (side - 1) / 2 for side in shape)
    return np.asarray(np.hypot(down[:, None], across[None, :]), np.float32)


def _clipped(box: Box, shape: tuple[int, ...]) -> Box:
    height, width = shape
    return Box(max(box.left, 0), max(box.top, 0), min(box.right, width), min(box.bottom, height))


def _part(look: Luma, box: Box, shown: Box) -> Luma:
    """Cut the part of a look at `box` out that shows `shown`."""
    height, width = look.shape
    place = shown.moved(-box.left, -box.top).stretched(width / box.width, height / box.height)
    left, top = min(int(place.left), width - 1), min(int(place.top), height - 1)
    return look[top : max(top + 1, round(place.bottom)), left : max(left + 1, round(place.right))]


def visible(box: Box, width: int, height: int) -> float:
    """Return the share of the box inside a picture of that size, 0 to 1."""
    clipped = _clipped(box, (height, width))
    return clipped.area / box.area if clipped.width > 0 and clipped.height > 0 and box.area > 0 else 0.0
