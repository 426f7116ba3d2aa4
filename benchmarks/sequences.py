"""Counts bare frames of a face that moves, grows, rolls, hides and leaves, at several rates and sizes of picture.

    .venv/bin/python -m benchmarks.sequences [NAME…] [--quality fast|balanced|accurate]

The face is that of scikit-image's astronaut (NASA, public domain), pasted over blurred noise. A frame is bare if less
than 90 % of what is visible of the face's box, forehead to chin, is covered. "Between" counts the bare frames that have
a covered one before and after them: there a viewer would see the face flash up.
"""

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from skimage import data

from benchmarks import clips
from redactor.faces.analysis import Analysis
from redactor.faces.effort import effort
from redactor.geometry import Box
from redactor.masks.masking import footprint
from redactor.options import Options, Quality
from redactor.video.source import Source

type Picture = NDArray[np.uint8]

HEAD: Picture = np.asarray(data.astronaut(), np.uint8)[30:230, 140:320]  # type: ignore[no-untyped-call]
FACE = Box(38, 36, 130, 151)  # forehead to chin in it
VISIBLE = 0.1  # share of a face inside the frame from which it counts
COVERED = 0.9


@dataclass(frozen=True)
class Pose:
    """A face's middle and height in pixels, and its roll in degrees. `hidden`: it is behind something."""

    x: float
    y: float
    height: float
    roll: float = 0.0
    hidden: bool = False


@dataclass(frozen=True)
class Sequence:
    """`frames` frames at `rate` a second; `pose` of each frame, by its share of the whole, 0 to 1, and its number."""

    frames: int
    pose: Callable[[float, int], Pose]
    rate: int = 25
    width: int = 1280
    height: int = 720


def _across(share: float, _: int) -> Pose:
    return Pose(200 + 880 * share, 360 + 60 * math.sin(9 * share), 120)


def _occluded(length: int) -> Callable[[float, int], Pose]:
    def pose(share: float, frame: int) -> Pose:
        return Pose(300 + 500 * share, 360, 110, hidden=40 <= frame < 40 + length)

    return pose


def _entering(x: tuple[float, float], y: tuple[float, float]) -> Callable[[float, int], Pose]:
    def pose(share: float, _: int) -> Pose:
        return Pose(x[0] + (x[1] - x[0]) * share, y[0] + (y[1] - y[0]) * share, 140)

    return pose


def _swaying(width: int, height: int, share_of_height: float) -> Callable[[float, int], Pose]:
    def pose(share: float, _: int) -> Pose:
        x = width * (0.5 + 0.3 * math.sin(4 * share))
        return Pose(x, height * (0.5 + 0.1 * math.sin(7 * share)), height * share_of_height)

    return pose


SEQUENCES: Mapping[str, Sequence] = {
    "across": Sequence(75, _across),
    **{f"hidden for {length} frames": Sequence(110, _occluded(length)) for length in (3, 10, 40)},
    "rushes through in 0.6 s": Sequence(18, lambda share, _: Pose(-60 + 1400 * share, 360, 144), rate=30),
    "rushes through in 0.8 s": Sequence(24, lambda share, _: Pose(-60 + 1400 * share, 360, 144), rate=30),
    "enters at the left": Sequence(75, _entering((-80, 400), (360, 360))),
    "enters at the right": Sequence(75, _entering((1360, 900), (360, 360))),
    "enters at the top": Sequence(75, _entering((640, 640), (-80, 300))),
    "enters at the bottom": Sequence(75, _entering((640, 640), (800, 420))),
    "leaves at the left": Sequence(100, _entering((300, -80), (360, 360))),
    "leaves at the right": Sequence(100, _entering((980, 1360), (360, 360))),
    "leaves at the top": Sequence(100, _entering((640, 640), (260, -80))),
    "leaves at the bottom": Sequence(100, _entering((640, 640), (460, 800))),
    "grows from 2 % to 120 %": Sequence(120, lambda share, _: Pose(640, 360, 720 * 0.02 * 60**share)),
    "rolls by 360 degrees": Sequence(150, lambda share, _: Pose(640, 360, 150, roll=360 * share)),
    "240 frames a second": Sequence(240, _swaying(1280, 720, 0.15), rate=240),
    "50 frames a second": Sequence(100, _swaying(1280, 720, 0.15), rate=50),
    "5 frames a second": Sequence(25, _swaying(1280, 720, 0.15), rate=5),
    "1 frame a second": Sequence(12, _swaying(1280, 720, 0.15), rate=1),
    "7680x4320": Sequence(24, lambda share, n: _swaying(7680, 4320, 0.05)(share / 4, n), width=7680, height=4320),
}


def pictures(sequence: Sequence) -> Iterator[tuple[Picture, Box | None]]:
    """Each frame, RGB, and the place of the face unless it is hidden."""
    size = sequence.width // 8, sequence.height // 8
    noise = np.random.default_rng(1).integers(60, 200, (size[1], size[0], 3)).astype(np.uint8)
    behind = cv2.resize(cv2.GaussianBlur(noise, (0, 0), 2), (sequence.width, sequence.height))
    high, wide = HEAD.shape[:2]
    oval = np.zeros((high, wide), np.uint8)
    cv2.ellipse(oval, (wide // 2, high // 2), (int(wide * 0.46), int(high * 0.48)), 0, 0, 360, 255, -1)
    for number in range(sequence.frames):
        pose = sequence.pose(number / max(1, sequence.frames - 1), number)
        factor = pose.height / FACE.height
        place = cv2.getRotationMatrix2D(FACE.centre, pose.roll, factor)
        place[:, 2] += np.array([pose.x, pose.y]) - np.array(FACE.centre)
        target = sequence.width, sequence.height
        head = cv2.warpAffine(HEAD, place, target, flags=cv2.INTER_AREA)
        inside = cv2.warpAffine(oval, place, target, flags=cv2.INTER_LINEAR)[..., None] > 127
        picture = np.asarray(behind if pose.hidden else np.where(inside, head, behind), np.uint8)
        half_width, half_height = FACE.width * factor / 2, FACE.height * factor / 2
        turn = abs(math.sin(math.radians(pose.roll)))
        half_width, half_height = (
            half_width + (half_height - half_width) * turn,
            half_height + (half_width - half_height) * turn,
        )
        face = Box(pose.x - half_width, pose.y - half_height, pose.x + half_width, pose.y + half_height)
        yield picture, None if pose.hidden else face


def coverage(sequence: Sequence, quality: Quality, folder: Path) -> list[bool | None]:
    """Return True for each frame in which the face is covered, and None where too little of it is in the picture."""
    made = folder / "sequence.mp4"
    faces: list[Box | None] = []

    def frames() -> Iterator[VideoFrame]:
        for picture, face in pictures(sequence):
            faces.append(face)
            yield VideoFrame.from_ndarray(picture, "rgb24")

    size = sequence.width, sequence.height
    clips.write(made, frames(), size, "yuv420p", sequence.rate, crf="16", preset="ultrafast")
    options = Options(quality=quality)
    found: list[bool | None] = []
    with Source(made) as source:
        regioned = (
            item for item in Analysis(source.facts, options).run(source.items()) if not isinstance(item, Packet)
        )
        for item, face in zip(regioned, faces, strict=True):
            if face is None:
                found.append(None)
                continue
            masked = footprint([region.box for region in item.regions], *size, effort(options).margin)
            rows = slice(max(0, round(face.top)), max(0, round(face.bottom)))
            columns = slice(max(0, round(face.left)), max(0, round(face.right)))
            visible = masked[rows, columns]
            found.append(bool(visible.mean() >= COVERED) if visible.size >= VISIBLE * face.area else None)
    return found


def between(covered: list[bool | None]) -> int:
    """Bare frames that have a covered one before and after them."""
    known = [index for index, one in enumerate(covered) if one]
    return sum(one is False and bool(known) and known[0] < index < known[-1] for index, one in enumerate(covered))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*SEQUENCES, []], metavar="NAME")
    parser.add_argument("--quality", type=Quality, default=Quality.BALANCED, choices=list(Quality))
    arguments = parser.parse_args()
    print("| sequence | frames with a face | bare | between |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.names or SEQUENCES:
            found = coverage(SEQUENCES[name], arguments.quality, Path(folder))
            faces = sum(one is not None for one in found)
            print(f"| {name} | {faces} | {sum(one is False for one in found)} | {between(found)} |", flush=True)


if __name__ == "__main__":
    main()
