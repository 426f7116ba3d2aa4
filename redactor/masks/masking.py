"""The footprint of a region on a frame's planes."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.geometry import Box

MOST_KEPT: Final = 2**18  # pixels of a mask that is kept for the next frame of its size: 64 MiB in all


@dataclass(frozen=True, slots=True)
class Patch:
    """A whole-pixel rectangle inside the frame, even on all sides but the frame's own ends, and its mask.

    `mask`: (bottom - top, right - left) uint8, 255 where pixels are to be replaced. `whole`: left, top, right
    and bottom of the region before the frame's edge cut some off; `breadth`: its shorter side; `filled`: whether all of
    it is replaced.
    """

    left: int
    top: int
    right: int
    bottom: int
    whole: tuple[int, int, int, int]
    breadth: int
    filled: bool
    mask: NDArray[np.uint8]


def patch(box: Box, width: int, height: int, *, filled: bool, margin: float) -> Patch | None:
    """What hides the face in `box` in a frame of that size: a rectangle if `filled`, else an ellipse.

    `margin` is the size of either against the box from forehead to chin. None if nothing of it is inside.
    """
    grown = box.scaled(margin)
    left, top = int(grown.left // 2) * 2, int(grown.top // 2) * 2
    right, bottom = -int(-grown.right // 2) * 2, -int(-grown.bottom // 2) * 2
    inside = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return None
    mask = _shape(right - left, bottom - top, filled)
    breadth = min(right - left, bottom - top)
    rows, columns = slice(inside[1] - top, inside[3] - top), slice(inside[0] - left, inside[2] - left)
    return Patch(*inside, (left, top, right, bottom), breadth, filled, mask[rows, columns])


def footprint(boxes: Sequence[Box], width: int, height: int, *, filled: bool, margin: float) -> NDArray[np.bool_]:
    """(height, width), true where any of `boxes` is hidden."""
    covered = np.zeros((height, width), np.bool_)
    for box in boxes:
        place = patch(box, width, height, filled=filled, margin=margin)
        if place is not None:
            covered[place.top : place.bottom, place.left : place.right] |= place.mask > 0
    return covered


def _shape(width: int, height: int, filled: bool) -> NDArray[np.uint8]:
    if width * height > MOST_KEPT:
        return _drawn(width, height, filled)
    return _kept(width, height, filled)


def _drawn(width: int, height: int, filled: bool) -> NDArray[np.uint8]:
    if filled:
        return np.full((height, width), 255, np.uint8)
    y = (np.arange(height, dtype=np.float32)[:, None] * 2 + 1 - height) / height
    x = (np.arange(width, dtype=np.float32)[None, :] * 2 + 1 - width) / width
    return np.where(x * x + y * y <= 1.0, 255, 0).astype(np.uint8)


_kept = functools.lru_cache(maxsize=256)(_drawn)


def chroma_mask(place: Patch, across: int, down: int) -> NDArray[np.uint8]:
    """`place.mask` for a plane subsampled by those factors: set where any luma pixel under a sample is."""
    left, top, right, bottom = place.whole
    if (right - left) * (bottom - top) <= MOST_KEPT and place.mask.shape == (bottom - top, right - left):
        return _kept_subsampled(right - left, bottom - top, place.filled, across, down)
    return _subsampled(place.mask, across, down)


@functools.lru_cache(maxsize=512)
def _kept_subsampled(width: int, height: int, filled: bool, across: int, down: int) -> NDArray[np.uint8]:
    return _subsampled(_kept(width, height, filled), across, down)


def _subsampled(mask: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    height, width = mask.shape
    padded = cv2.copyMakeBorder(mask, 0, -height % down, 0, -width % across, cv2.BORDER_REPLICATE)
    rows = functools.reduce(np.maximum, (padded[offset::down] for offset in range(down)))
    return np.ascontiguousarray(functools.reduce(np.maximum, (rows[:, offset::across] for offset in range(across))))
