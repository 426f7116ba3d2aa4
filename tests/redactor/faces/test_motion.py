"""The whole analysis of faces that move fast or leave the picture."""

from typing import Any

import cv2
import numpy as np
import pytest
from av.packet import Packet
from numpy.typing import NDArray
from skimage import data

from redactor import Options
from redactor.faces.analysis import Analysis
from redactor.faces.effort import effort
from redactor.geometry import Box
from redactor.masks.masking import footprint
from redactor.video.source import Source

WIDTH, HEIGHT, RATE = 1280, 720, 30
SIZE = 144  # pixels, the face's height
HEAD = np.asarray(data.astronaut(), np.uint8)[30:230, 140:320]  # type: ignore[no-untyped-call]
SMALLEST = 0.1  # share of the face inside the frame from which it must be covered

type Picture = NDArray[np.uint8]


def background() -> Picture:
    noise = np.random.default_rng(1).integers(60, 200, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 9), np.uint8)


def passing(positions: list[tuple[float, float]]) -> list[tuple[Picture, Box]]:
    """Pictures of a head whose face has its left top corner at each of the positions."""
    head, left, top, width, height = HEAD, 38.0, 36.0, 92.0, 115.0
    factor = SIZE / height
    head = np.asarray(cv2.resize(head, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    high, wide = head.shape[:2]
    oval = np.zeros((high, wide), np.uint8)
    cv2.ellipse(oval, (wide // 2, high // 2), (int(wide * 0.46), int(high * 0.48)), 0, 0, 360, 255, -1)
    behind, made = background(), []
    for x, y in positions:
        canvas = np.pad(behind, ((high, high), (wide, wide), (0, 0)))
        row, column = round(y - top * factor) + high, round(x - left * factor) + wide
        if 0 <= row <= HEIGHT + high and 0 <= column <= WIDTH + wide:
            cv2.copyTo(head, oval, canvas[row : row + high, column : column + wide])
        face = Box(x, y, x + width * factor, y + SIZE)
        made.append((np.ascontiguousarray(canvas[high:-high, wide:-wide]), face))
    return made


def bare(pictures: list[tuple[Picture, Box]], make_clip: Any, recipe: Any, scene: Any) -> list[int]:
    """Return the frames in which less than 90 % of the face's visible part is covered."""
    clip = make_clip([scene(pixels, None) for pixels, _ in pictures], recipe(audio=(), rate=RATE))
    found = []
    with Source(clip) as source:
        frames = (
            item for item in Analysis(source.facts, Options()).run(source.items()) if not isinstance(item, Packet)
        )
        for index, (regioned, (_, face)) in enumerate(zip(frames, pictures, strict=True)):
            boxes = [region.box for region in regioned.regions]
            masked = footprint(boxes, WIDTH, HEIGHT, effort(Options()).margin)
            left, top, right, bottom = (
                int(np.clip(edge, 0, most))
                for edge, most in ((face.left, WIDTH), (face.top, HEIGHT), (face.right, WIDTH), (face.bottom, HEIGHT))
            )
            visible = masked[top:bottom, left:right]
            if visible.size >= SMALLEST * face.area and visible.mean() < 0.9:
                found.append(index)
    return found


@pytest.mark.parametrize("seconds", [0.6, 0.8])
def test_a_face_that_rushes_through_the_picture_is_covered_in_every_frame(
    seconds: float, make_clip: Any, recipe: Any, scene: Any
) -> None:
    frames = round(seconds * RATE)
    outside = [(-2.0 * SIZE, 280.0)] * 12
    through = [(-120 + 1400 * frame / frames, 280.0) for frame in range(frames + 1)]
    assert bare(passing(outside + through + outside), make_clip, recipe, scene) == []


@pytest.mark.parametrize("edge", ["left", "right", "top"])
def test_what_is_visible_of_a_face_that_leaves_slowly_stays_covered(
    edge: str, make_clip: Any, recipe: Any, scene: Any
) -> None:
    course = {
        "left": [(120 - 3.0 * frame, 300.0) for frame in range(80)],
        "right": [(1060 + 2.6 * frame, 300.0) for frame in range(80)],
        "top": [(600.0, 80 - 2.8 * frame) for frame in range(80)],
    }
    assert bare(passing(course[edge]), make_clip, recipe, scene) == []


@pytest.mark.parametrize("frames", [2, 3, 4, 6])
def test_a_face_that_moves_is_covered_to_the_end_of_a_short_video(
    frames: int, make_clip: Any, recipe: Any, scene: Any
) -> None:
    course = [(300 + 50.0 * frame, 280.0) for frame in range(frames)]
    assert bare(passing(course), make_clip, recipe, scene) == []
