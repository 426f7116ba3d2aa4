"""Films labelled photographs with a simulated camera that pans, zooms, turns and shakes, with known faces.

Frames have motion blur, noise and a camera's compression.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from benchmarks import clips
from redactor.geometry import Box

WIDTH, HEIGHT, RATE, FRAMES = 1280, 720, 25, 60
SHUTTER = (0.0, 0.17, 0.33, 0.5)  # times, in frames, whose pictures are averaged to one frame
NOISE = 3.0
INSIDE = 0.6  # share of a face inside the frame from which it counts
SMALLEST = 14  # pixels; lower faces do not count


@dataclass(frozen=True)
class Camera:
    """A random camera path over a picture of the given size."""

    width: int
    height: int
    zooms: tuple[float, float]
    phases: tuple[float, ...]
    sways: tuple[float, float]
    turn: float
    shake: float

    @classmethod
    def drawn(cls, width: int, height: int, random: np.random.Generator) -> "Camera":
        whole = min(WIDTH / width, HEIGHT / height)
        near, far = whole * random.uniform(1.2, 2.2), whole * random.uniform(0.8, 1.0)
        zooms = (near, far) if random.random() < 0.5 else (far, near)
        phases = tuple(float(phase) for phase in random.uniform(0, 2 * math.pi, 4))
        across, down = (float(sway) for sway in random.uniform(0.05, 0.2, 2))
        return cls(width, height, zooms, phases, (across, down), random.uniform(-12, 12), random.uniform(0, 4))

    def zoom(self, frame: float) -> float:
        first, last = self.zooms
        return float(first * (last / first) ** (frame / FRAMES))

    def matrix(self, frame: float) -> NDArray[np.float64]:
        """Return the (2, 3) transformation from the picture's pixels to the frame's."""
        share, (one, two, three, four) = frame / FRAMES, self.phases
        x = self.width * (0.5 + self.sways[0] * math.sin(one + 5 * share))
        y = self.height * (0.5 + self.sways[1] * math.sin(two + 7 * share))
        angle = math.radians(self.turn * math.sin(three + 6 * share))
        c, s = math.cos(angle) * self.zoom(frame), math.sin(angle) * self.zoom(frame)
        shaken = self.shake * math.sin(four + 1.9 * frame), self.shake * math.sin(one + 2.7 * frame)
        return np.array(
            [[c, -s, WIDTH / 2 - c * x + s * y + shaken[0]], [s, c, HEIGHT / 2 - s * x - c * y + shaken[1]]]
        )

    def place(self, box: Box, frame: float) -> Box:
        """Return a face's box in the frame, upright as all boxes are."""
        x, y = self.matrix(frame) @ np.array([*box.centre, 1.0])
        half_width, half_height = box.width * self.zoom(frame) / 2, box.height * self.zoom(frame) / 2
        return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def film(photo: Path, clip: Path, random: np.random.Generator) -> Camera:
    """Write `clip`. Return the camera that filmed it."""
    picture = np.asarray(cv2.imread(str(photo)), np.uint8)
    camera = Camera.drawn(picture.shape[1], picture.shape[0], random)
    frames = (VideoFrame.from_ndarray(pixels, "bgr24") for pixels in _exposures(picture, camera, random))
    clips.write(clip, frames, (WIDTH, HEIGHT), "yuv420p", RATE, crf="23", preset="veryfast")
    return camera


def _exposures(picture: NDArray[np.uint8], camera: Camera, random: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    for index in range(FRAMES):
        moments = [
            cv2.warpAffine(
                picture, camera.matrix(index + moment), (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderValue=(60, 60, 60)
            ).astype(np.float32)
            for moment in SHUTTER
        ]
        exposed = np.mean(moments, axis=0) + random.normal(0, NOISE, (HEIGHT, WIDTH, 1))
        yield exposed.clip(0, 255).astype(np.uint8)


def counts(box: Box) -> bool:
    """Return True if enough of the face is inside the frame, and the face is large enough, to expect a detection."""
    width = min(box.right, WIDTH) - max(box.left, 0)
    height = min(box.bottom, HEIGHT) - max(box.top, 0)
    inside = max(width, 0) * max(height, 0)
    return inside >= INSIDE * box.width * box.height and box.height >= SMALLEST
