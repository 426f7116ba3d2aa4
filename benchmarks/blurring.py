"""Measures the time to cover eight faces of a 1920x1080 frame, by blur type.

    .venv/bin/python -m benchmarks.blurring

The faces are 48 to 280 pixels wide, as in a group at different distances. They are drawn on one frame again and again.
Only this program holds the frame: in a real run, too, the decoder has released a frame before it is drawn on. The best
of five rounds counts.
"""

import time

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from redactor.faces.tracking import Region
from redactor.geometry import Box, Margin
from redactor.masks.blur import Painter
from redactor.options import BlurType

WIDTHS = (48, 64, 80, 100, 130, 170, 220, 280)
TALL = 1.3  # a face's height against its width
MARGIN = Margin(1.35)
ROUNDS, FRAMES = 5, 60


def frame() -> VideoFrame:
    shades = np.random.default_rng(1).integers(16, 235, (1620, 1920), dtype=np.uint8)
    return VideoFrame.from_ndarray(shades, "yuv420p")


def regions(step: int) -> list[Region]:
    """Return regions that do not overlap. All move and grow a little from frame to frame."""
    found = []
    left = 60.0
    for track, width in enumerate(WIDTHS, start=1):
        box = Box(left, 300, left + width, 300 + TALL * width).moved(step / 3, step / 3).scaled(1 + step / 400)
        found.append(Region(track, box, seen=True))
        left += 1.5 * width
    return found


def main() -> None:
    av.logging.set_level(None)
    cv2.setNumThreads(1)
    drawn = frame()
    for blur_type in BlurType:
        best = float("inf")
        for _ in range(ROUNDS):
            painter = Painter(blur_type, MARGIN)
            begun = time.process_time()
            for step in range(FRAMES):
                painter.draw(drawn, regions(step))
            best = min(best, (time.process_time() - begun) / FRAMES)
        print(f"{blur_type:6}{1000 * best:5.2f} ms of processor a frame")


if __name__ == "__main__":
    main()
