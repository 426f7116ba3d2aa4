"""The footprint of a region on a frame's planes."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.geometry import Box, Margin

CORNERS: Final = 4  # exponent of the masks' superellipse: 2 is an ellipse; more approaches a rectangle
MOST_KEPT: Final = 2**18  # pixels of a mask that is cached: 64 MiB in all


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle in the frame, in whole pixels, with a mask. Its sides are even except at the frame's edges.

    `mask` is (bottom - top, right - left) uint8, 255 where pixels are replaced. `whole` is left, top, right and bottom
    of the region before clipping to the frame, and `breadth` its shorter side.
    """

    left: int
    top: int
    right: int
    bottom: int
    whole: tuple[int, int, int, int]
    breadth: int
    mask: NDArray[np.uint8]


def patch(box: Box, width: int, height: int, margin: Margin, quarters: int = 0, *, exact: bool = False) -> Patch | None:
    """Return the patch that hides the face in `box`, or None if it is outside a frame of that size.

    With `exact` it hides the rectangle `box`.
    """
    grown = box if exact else margin.around(box, max(width, height), quarters)
    left, top = int(grown.left // 2) * 2, int(grown.top // 2) * 2
    right, bottom = -int(-grown.right // 2) * 2, -int(-grown.bottom // 2) * 2
    inside = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return None
    breadth = min(right - left, bottom - top)
    if exact:
        shown = np.full((inside[3] - inside[1], inside[2] - inside[0]), 255, np.uint8)
    else:
        rows, columns = slice(inside[1] - top, inside[3] - top), slice(inside[0] - left, inside[2] - left)
        shown = _shape(right - left, bottom - top)[rows, columns]
    return Patch(*inside, (left, top, right, bottom), breadth, shown)


def footprint(boxes: Sequence[Box], width: int, height: int, margin: Margin) -> NDArray[np.bool_]:
    """Return (height, width), True where any of `boxes` is hidden."""
    covered = np.zeros((height, width), np.bool_)
    for box in boxes:
        place = patch(box, width, height, margin)
        if place is not None:
            covered[place.top : place.bottom, place.left : place.right] |= place.mask > 0
    return covered


def _shape(width: int, height: int) -> NDArray[np.uint8]:
    return _drawn(width, height) if width * height > MOST_KEPT else _kept(width, height)


def _drawn(width: int, height: int) -> NDArray[np.uint8]:
    y = (np.arange(height, dtype=np.float32)[:, None] * 2 + 1 - height) / height
    x = (np.arange(width, dtype=np.float32)[None, :] * 2 + 1 - width) / width
    return np.where(x**CORNERS + y**CORNERS <= 1.0, 255, 0).astype(np.uint8)


_kept = functools.lru_cache(maxsize=256)(_drawn)


def chroma_mask(place: Patch, across: int, down: int, *, exact: bool = False) -> NDArray[np.uint8]:
    """Subsample `place.mask`: a sample is set if any luma pixel under it is set. `exact` is the patch's."""
    left, top, right, bottom = place.whole
    if exact:
        height, width = place.mask.shape
        return np.full((-(-height // down), -(-width // across)), 255, np.uint8)
    if (right - left) * (bottom - top) <= MOST_KEPT and place.mask.shape == (bottom - top, right - left):
        return _kept_subsampled(right - left, bottom - top, across, down)
    return _subsampled(place.mask, across, down)


@functools.lru_cache(maxsize=512)
def _kept_subsampled(width: int, height: int, across: int, down: int) -> NDArray[np.uint8]:
    return _subsampled(_kept(width, height), across, down)


def _subsampled(mask: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    height, width = mask.shape
    padded = cv2.copyMakeBorder(mask, 0, -height % down, 0, -width % across, cv2.BORDER_REPLICATE)
    rows = functools.reduce(np.maximum, (padded[offset::down] for offset in range(down)))
    return np.ascontiguousarray(functools.reduce(np.maximum, (rows[:, offset::across] for offset in range(across))))
