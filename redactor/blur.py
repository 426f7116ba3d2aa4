"""The five looks, drawn on a frame's own planes.

Med and High throw the face away before they smooth it: only cells some sixth of its width are kept, so
that no filter can bring it back. What is drawn depends on nothing outside the region's rectangle.
"""

import functools
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.geometry import Box
from redactor.masking import chroma_mask, patch
from redactor.options import BlurType
from redactor.picture import Plane, planes
from redactor.tracking import Region

MED_CELLS: Final = 8  # samples kept across a region, before smoothing
HIGH_CELLS: Final = 5
HIGH_LEVELS: Final = 24  # shades kept of each plane
HIGH_NOISE: Final = 0.10  # of full scale: share of a cell's shade that has nothing to do with the face
LOW_SHARE: Final = 10  # Low's box-car spans a tenth of the region
OUTLINE: Final = 2  # pixels
BLACK: Final = (0.0625, 0.5, 0.5)  # Y, Cb, Cr of black in limited range, as shares of full scale
BLACK_FULL: Final = (0.0, 0.5, 0.5)
OUTLINE_COLOUR: Final = (0.75, 0.25, 0.2)  # a green that is rare in pictures
FULL_RANGE: Final = 2  # AVCOL_RANGE_JPEG


def redact(frame: VideoFrame, regions: Sequence[Region], blur_type: BlurType, margin: float) -> None:
    """Draw over every region of a planar YUV `frame`, `margin` times its size, in place.

    The decoder may still predict from the frame's buffer: it is copied first if anyone else holds it.
    """
    if not regions:
        return
    frame.make_writable()
    views = planes(frame)
    full_scale = float(2 ** frame.format.components[0].bits - 1)
    black = BLACK_FULL if frame.color_range == FULL_RANGE or "yuvj" in frame.format.name else BLACK
    for region in regions:
        if blur_type is BlurType.BOX:
            _outline(views, region.box, full_scale)
            continue
        place = patch(region.box, frame.width, frame.height, filled=blur_type is BlurType.BLACK, margin=margin)
        if place is None:
            continue
        for index, plane in enumerate(views[:3]):
            across = -(-frame.width // plane.shape[1])
            down = -(-frame.height // plane.shape[0])
            mask = place.mask if across == down == 1 else chroma_mask(place, across, down)
            top, left = place.top // down, place.left // across
            target = plane[top : top + mask.shape[0], left : left + mask.shape[1]]
            breadth = place.breadth // max(across, down)
            match blur_type:
                case BlurType.BLACK:
                    target[...] = round(black[index] * full_scale)
                    continue
                case BlurType.LOW:
                    drawn = _box_car(target, breadth)
                case BlurType.MED:
                    drawn = _gaussian(target, breadth)
                case _:
                    drawn = _confused(target, breadth, full_scale, seed=3 * region.track + index)
            cv2.copyTo(drawn, mask, target)


def _box_car(target: Plane, breadth: int) -> Plane:
    side = max(3, breadth // LOW_SHARE | 1)
    return np.asarray(cv2.blur(target, (side, side)), target.dtype)


def _cells(target: Plane, side: int) -> Plane:
    """Means over square cells of `side` samples. A whole number of them: OpenCV is several times faster so.

    What is left over at the right and bottom belongs to no cell, and is drawn over with its neighbour's shade.
    """
    across, down = max(1, target.shape[1] // side), max(1, target.shape[0] // side)
    whole = target[: down * side, : across * side]
    return np.asarray(cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA), target.dtype)


def _gaussian(target: Plane, breadth: int) -> Plane:
    height, width = target.shape
    kept = _cells(target, max(2, round(breadth / MED_CELLS)))
    smooth = cv2.GaussianBlur(kept, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), target.dtype)


def _confused(target: Plane, breadth: int, full_scale: float, seed: int) -> Plane:
    height, width = target.shape
    side = max(2, round(breadth / HIGH_CELLS))
    cells = _cells(target, side).astype(np.float32) / full_scale
    noise = _noise(seed)[: cells.shape[0], : cells.shape[1]]
    shades = np.round((cells + noise) * HIGH_LEVELS) / HIGH_LEVELS
    kept = (np.clip(shades, 0, 1) * full_scale).astype(target.dtype)
    return np.asarray(cv2.resize(kept, (width, height), interpolation=cv2.INTER_NEAREST), target.dtype)


@functools.lru_cache(maxsize=512)
def _noise(seed: int) -> NDArray[np.float32]:
    """One pattern a track and plane: it costs the encoder little, and cannot be averaged away over time."""
    luma = seed % 3 == 0
    strength = HIGH_NOISE if luma else HIGH_NOISE / 4  # chroma spans less
    return np.random.default_rng(seed).uniform(-strength, strength, (64, 64)).astype(np.float32)


def _outline(views: Sequence[Plane], box: Box, full_scale: float) -> None:
    height, width = views[0].shape
    for plane, shade in zip(views[:3], OUTLINE_COLOUR, strict=False):
        x, y = plane.shape[1] / width, plane.shape[0] / height
        left, right = (int(min(max(edge * x, 0), plane.shape[1])) for edge in (box.left, box.right))
        top, bottom = (int(min(max(edge * y, 0), plane.shape[0])) for edge in (box.top, box.bottom))
        across, down = max(1, round(OUTLINE * x)), max(1, round(OUTLINE * y))
        value = round(shade * full_scale)
        plane[top : top + down, left:right] = value
        plane[max(bottom - down, 0) : bottom, left:right] = value
        plane[top:bottom, left : left + across] = value
        plane[top:bottom, max(right - across, 0) : right] = value
