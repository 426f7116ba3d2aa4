"""The five blur types, drawn on a frame's own planes.

Med and High keep only the means of cells about a sixth of the face's width, so that no filter can restore the face.
The means are measured once for each track. From then on the same few numbers move with the face; only the region's mean
brightness follows the picture. So all frames together show no more than one frame. Means measured anew in each frame
would add up to a finer picture (super-resolution, Elad and Feuer, 1997). Noise on the cells defeats sharpening, which
amplifies the noise more than the face.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.faces.tracking import Region
from redactor.geometry import Box, Margin
from redactor.masks.masking import Patch, chroma_mask, patch
from redactor.options import BlurType
from redactor.video.picture import Plane, planes

type Cells = NDArray[np.float32]

MED_CELLS: Final = 6  # samples kept across a region, before smoothing
HIGH_CELLS: Final = 5
HIGH_LEVELS: Final = 24  # shades kept in each plane
NOISE: Final = 0.10  # added to each cell, at most this share of full scale either way
CHROMA_NOISE: Final = NOISE / 4  # chroma has a smaller range
LOW_SHARE: Final = 10  # Low's box filter spans a tenth of the region
OUTLINE: Final = 2  # pixels
BLACK: Final = (0.0625, 0.5, 0.5)  # Y, Cb, Cr of black in limited range, as shares of full scale
BLACK_FULL: Final = (0.0, 0.5, 0.5)
OUTLINE_COLOUR: Final = (0.75, 0.25, 0.2)  # a green that is rare in pictures
FULL_RANGE: Final = 2  # AVCOL_RANGE_JPEG
MOST_TRACKS: Final = 4096  # tracks whose cells are kept, in a megabyte or two


class Painter:
    """Draws one blur type over the regions of one video's frames, with that margin.

    `quarters` quarter turns anticlockwise show the frames upright. Not safe for several threads. Frames come in
    presentation order.
    """

    def __init__(
        self, blur_type: BlurType, margin: Margin, noise: np.random.Generator | None = None, *, quarters: int = 0
    ) -> None:
        self._blur_type = blur_type
        self._margin = margin
        self._quarters = quarters
        self._cells: dict[tuple[int, int], Cells] = {}
        # Seeded by the system by default: repeatable noise could be subtracted.
        self._noise = noise or np.random.default_rng()

    def draw(self, frame: VideoFrame, regions: Sequence[Region]) -> None:
        """Draw over every region of a planar YUV `frame`, in place.

        The decoder may still predict from the frame's buffer, so a shared buffer is copied first.
        """
        if not regions:
            return
        frame.make_writable()
        views = planes(frame)
        full_scale = float(2 ** frame.format.components[0].bits - 1)
        black = BLACK_FULL if frame.color_range == FULL_RANGE or "yuvj" in frame.format.name else BLACK
        for region in regions:
            if self._blur_type is BlurType.BOX:
                _outline(views, region.box, full_scale)
                continue
            place = patch(region.box, frame.width, frame.height, self._margin, self._quarters, exact=region.exact)
            if place is None:
                continue
            for index, plane in enumerate(views[:3]):
                across = -(-frame.width // plane.shape[1])
                down = -(-frame.height // plane.shape[0])
                mask = place.mask if across == down == 1 else chroma_mask(place, across, down, exact=region.exact)
                top, left = place.top // down, place.left // across
                target = plane[top : top + mask.shape[0], left : left + mask.shape[1]]
                if self._blur_type is BlurType.BLACK:
                    target[mask > 0] = round(black[index] * full_scale)
                elif self._blur_type is BlurType.LOW:
                    cv2.copyTo(_box_blur(target, place.breadth // max(across, down)), mask, target)
                else:
                    whole = _Whole(place, across, down)
                    cv2.copyTo(self._from_cells(target, whole, full_scale, region.track, index), mask, target)

    def _from_cells(self, target: Plane, whole: "_Whole", full_scale: float, track: int, index: int) -> Plane:
        """Return the samples to draw over `target`, one plane's part of a region inside the frame."""
        mean = cv2.mean(target)[0]
        cells = self._cells.get((track, index))
        if cells is None:
            noise = NOISE if index == 0 else CHROMA_NOISE
            cells = full_scale * self._measured(whole.of(target), full_scale, noise) - np.float32(mean)
            if len(self._cells) >= 3 * MOST_TRACKS:
                del self._cells[next(iter(self._cells))]
            self._cells[track, index] = cells
        # np.clip's overhead exceeds its work on a few cells.
        shades = np.minimum(np.maximum(cells + np.float32(mean), 0), full_scale).astype(target.dtype)
        smooth = cv2.INTER_LINEAR if self._blur_type is BlurType.MED else cv2.INTER_NEAREST
        drawn = np.asarray(cv2.resize(shades, whole.size, interpolation=smooth), target.dtype)
        return whole.inside(drawn, target.shape)

    def _measured(self, samples: Plane, full_scale: float, noise: float) -> Cells:
        """Measure the shades of a region's cells, 0 to 1, and add noise."""
        med = self._blur_type is BlurType.MED
        height, width = samples.shape
        side = min(height, width) / (MED_CELLS if med else HIGH_CELLS)
        size = max(1, round(width / side)), max(1, round(height / side))
        cells = cv2.resize(samples, size, interpolation=cv2.INTER_AREA).astype(np.float32) / full_scale
        cells += self._noise.uniform(-noise, noise, cells.shape).astype(np.float32)
        if med:
            return np.asarray(cv2.GaussianBlur(cells, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE), np.float32)
        return np.asarray(np.round(cells * HIGH_LEVELS) / HIGH_LEVELS, np.float32)


class _Whole:
    """A whole region's rectangle on a plane. The frame's edge may cut off a part of it."""

    def __init__(self, place: Patch, across: int, down: int) -> None:
        left, top, right, bottom = place.whole
        self.size = max(1, -(-(right - left) // across)), max(1, -(-(bottom - top) // down))
        self._before = (place.left - left) // across, (place.top - top) // down

    def of(self, target: Plane) -> Plane:
        """Extend `target` to the whole region by repeating its edge."""
        x, y = self._before
        after = max(0, self.size[0] - x - target.shape[1]), max(0, self.size[1] - y - target.shape[0])
        return np.asarray(cv2.copyMakeBorder(target, y, after[1], x, after[0], cv2.BORDER_REPLICATE), target.dtype)

    def inside(self, drawn: Plane, shape: tuple[int, ...]) -> Plane:
        """Return the part of a drawn region that is inside the frame."""
        x, y = self._before
        return np.ascontiguousarray(drawn[y : y + shape[0], x : x + shape[1]])


def _box_blur(target: Plane, breadth: int) -> Plane:
    side = max(3, breadth // LOW_SHARE | 1)
    return np.asarray(cv2.blur(target, (side, side)), target.dtype)


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
