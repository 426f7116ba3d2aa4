"""Decoded frames as NumPy views, and the small upright picture for analysis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.geometry import Box

PLANAR: Final = frozenset({"yuv420p", "yuvj420p"})  # formats whose planes are reduced one by one

type Plane = NDArray[np.unsignedinteger[Any]]


def planes(frame: VideoFrame) -> list[Plane]:
    """Return views (height, width) of a planar frame's samples, luma first; uint16 above 8 bits."""
    deep = frame.format.components[0].bits > 8
    views: list[Plane] = []
    for plane in frame.planes:
        samples: Plane = np.frombuffer(plane, np.uint16) if deep else np.frombuffer(plane, np.uint8)
        views.append(samples.reshape(plane.height, -1)[:, : plane.width])
    return views


def luma(frame: VideoFrame) -> NDArray[np.uint8]:
    """Return the luma, (height, width) in 8 bits."""
    if not frame.format.is_planar or frame.format.is_rgb:
        return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
    samples = planes(frame)[0]
    bits = frame.format.components[0].bits
    return np.asarray(samples if bits == 8 else samples >> (bits - 8), np.uint8)


def frame_bytes(pixel_format: str, width: int, height: int) -> int:
    """Return a decoded frame's size in memory, without the padding of its rows."""
    components = VideoFormat(pixel_format, width, height).components
    return sum(part.width * part.height * (2 if part.bits > 8 else 1) for part in components)


@dataclass(frozen=True, slots=True)
class Picture:
    """`pixels`: (height, width, 3) uint8 BGR, square pixels, upright.

    `quarters` quarter turns anticlockwise made it upright; `width` and `height` are the frame's, in stored pixels.
    `repeated` stored pixels of the frame's right end are shown again at its left end, and as many the other way around.
    """

    pixels: NDArray[np.uint8]
    quarters: int
    width: int
    height: int
    repeated: float = 0.0

    def stored(self, box: Box) -> Box:
        """Convert a box of this picture to the frame's stored pixels; `analysed` is the inverse."""
        high, wide = self.pixels.shape[:2]
        unturned = box.stretched(1 / wide, 1 / high).turned(-self.quarters)
        return unturned.stretched(self.width + 2 * self.repeated, self.height).moved(-self.repeated, 0)

    def analysed(self, box: Box) -> Box:
        """Convert a box in the frame's stored pixels to this picture."""
        high, wide = self.pixels.shape[:2]
        shares = box.moved(self.repeated, 0).stretched(1 / (self.width + 2 * self.repeated), 1 / self.height)
        return shares.turned(self.quarters).stretched(wide, high)

    def showing(self, pixels: NDArray[np.uint8]) -> "Picture":
        """Replace the pixels by others that show the same."""
        return replace(self, pixels=pixels)

    def reduced(self, long_side: int) -> "Picture":
        """Reduce the picture to that longer side, if it is larger."""
        high, wide = self.pixels.shape[:2]
        factor = long_side * (1 + 2 * self.repeated / self.width) / max(high, wide)
        if factor >= 1:
            return self
        size = max(1, round(wide * factor)), max(1, round(high * factor))
        return self.showing(np.asarray(cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA), np.uint8))

    def turned(self, quarters: int) -> "Picture":
        """Turn the picture by further quarters anticlockwise."""
        pixels = np.ascontiguousarray(np.rot90(self.pixels, quarters))
        return replace(self, pixels=pixels, quarters=(self.quarters + quarters) % 4)

    def with_ends(self, share: float) -> "Picture":
        """Repeat that share of the picture's width beyond each end. It must not be turned yet."""
        columns = round(share * self.pixels.shape[1])
        if not columns:
            return self
        pixels = np.concatenate([self.pixels[:, -columns:], self.pixels, self.pixels[:, :columns]], axis=1)
        return replace(self, pixels=pixels, repeated=columns * self.width / self.pixels.shape[1])

    def close_up(self, stored: Box, side: int, room: float) -> tuple[NDArray[np.uint8], Box]:
        """Cut out (side, side, 3) BGR around a box in stored pixels. Return it and the box in it.

        The cut is `room` times as wide as the box's longer side.
        """
        box = self.analysed(stored)
        factor = side / (room * max(box.width, box.height))
        x, y = box.centre
        to_crop = np.array([[factor, 0, side / 2 - x * factor], [0, factor, side / 2 - y * factor]], np.float32)
        crop = np.asarray(cv2.warpAffine(self.pixels, to_crop, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
        half_width, half_height = box.width * factor / 2, box.height * factor / 2
        middle = side / 2
        return crop, Box(middle - half_width, middle - half_height, middle + half_width, middle + half_height)


def quarters_of(rotation: int) -> int:
    """Return the quarter turns anticlockwise nearest to `rotation` degrees."""
    return round(rotation / 90) % 4


class Reducer:
    """Reduces frames for analysis: to a longer side of `long_side`, square pixels, upright."""

    def __init__(
        self, long_side: int, aspect: Fraction, rotation: int, *, most_enlarged: float = 1.0, repeated: float = 0.0
    ) -> None:
        """`aspect` is the sample aspect ratio, `rotation` the degrees anticlockwise that turn the frame upright.

        Frames smaller than `long_side` are enlarged by at most `most_enlarged`. `repeated` is the share of a 360°
        picture's width that is shown again beyond each end.
        """
        self._most_enlarged = most_enlarged
        self._repeated = repeated
        self._long_side = long_side
        self._aspect = float(aspect)
        self._quarters = quarters_of(rotation)

    def reduce(self, frame: VideoFrame, turn: int = 0) -> Picture:
        """Reduce a frame. `turn` is in quarters anticlockwise, beyond the file's own rotation."""
        wide, high = frame.width * max(self._aspect, 1.0), frame.height / min(self._aspect, 1.0)
        factor = min(self._most_enlarged, self._long_side / max(wide, high))
        width, height = max(1, round(wide * factor)), max(1, round(high * factor))
        stored = Picture(_small_bgr(frame, width, height), 0, frame.width, frame.height)
        return stored.with_ends(self._repeated).turned((self._quarters + turn) % 4)

    def cut(self, frame: VideoFrame, around: Box, side: int, turn: int = 0) -> tuple[Picture, tuple[int, int]] | None:
        """Cut `around`, in stored pixels, out of a frame, and reduce it to a longer side of about `side`, if larger.

        Return the cut and its left and top edges in the frame. It takes much less time than to reduce a whole frame.
        Return None if the frame's format has to be converted as a whole, or if the cut is outside the frame.
        """
        if frame.format.name not in PLANAR or self._repeated:
            return None
        left, top = (max(0, math.floor(edge) // 2 * 2) for edge in (around.left, around.top))
        right, bottom = min(frame.width, math.ceil(around.right)), min(frame.height, math.ceil(around.bottom))
        if left >= right or top >= bottom:
            return None
        wide, high = (right - left) * max(self._aspect, 1.0), (bottom - top) / min(self._aspect, 1.0)
        factor = min(1.0, side / max(wide, high))
        light, blue, red = planes(frame)
        chroma = slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2)
        parts = light[top:bottom, left:right], blue[chroma], red[chroma]
        pixels = _bgr(parts, max(1, round(wide * factor)), max(1, round(high * factor)))
        return Picture(pixels, 0, right - left, bottom - top).turned((self._quarters + turn) % 4), (left, top)


def _small_bgr(frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    # Reducing the planes before converting them to BGR takes a third of swscale's time at 1080p. Colour matrix and
    # range do not matter to the detector.
    if frame.format.name in PLANAR and (frame.width, frame.height) != (width, height):
        return _bgr(planes(frame), width, height)
    reformatted = frame.reformat(width, height, "bgr24", interpolation="AREA")
    return np.asarray(reformatted.to_ndarray(), np.uint8)


def _bgr(parts: Sequence[Plane], width: int, height: int) -> NDArray[np.uint8]:
    light, blue, red = (_reduced(part, width, height) for part in parts)
    return np.asarray(cv2.cvtColor(cv2.merge([light, blue, red]), cv2.COLOR_YUV2BGR), np.uint8)


def _reduced(plane: Plane, width: int, height: int) -> Plane:
    """Halve by area means, then resize linearly by the remaining factor below two, which skips no sample.

    OpenCV halves quickly. Area means directly from 1080p to 736 pixels take five times as long.
    """
    while plane.shape[1] >= 2 * width and plane.shape[0] >= 2 * height:
        halved = (plane.shape[1] // 2, plane.shape[0] // 2)
        whole = plane[: 2 * halved[1], : 2 * halved[0]]
        plane = np.asarray(cv2.resize(whole, halved, interpolation=cv2.INTER_AREA), plane.dtype)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR), plane.dtype)
