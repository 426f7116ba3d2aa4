"""Measures how well drawn boxes follow things: faces, badges, wheels, lines of text.

    .venv/bin/python -m benchmarks.following [--films 4]

The pictures are scikit-image's. A thing moves in two ways: a shaking camera pans, zooms and turns over its picture, or
it is pasted over another picture and moves by itself. Films are of `benchmarks.moving`: 60 frames of 1280x720 with
motion blur, noise and a camera's compression. The box is drawn once, in the middle, or at the first and the last
frame. A frame is covered if the box covers 90 % of what is visible of the thing.
"""

import argparse
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from skimage import data

from benchmarks import clips
from benchmarks.moving import FRAMES, HEIGHT, NOISE, RATE, SHUTTER, WIDTH, Camera
from redactor.geometry import Box
from redactor.review.decisions import Decisions, Drawing, Keyframe
from redactor.review.following import follow
from redactor.review.trail import Trail, followed
from redactor.video.identity import identity
from redactor.video.restarts import AnyPacket
from redactor.video.source import Source

type Picture = NDArray[np.uint8]

COVERED = 0.9
VISIBLE = 0.3  # share of the thing inside the frame from which it counts
DRAWN = {"one box": (FRAMES // 2,), "two boxes": (0, FRAMES - 1)}


@dataclass(frozen=True)
class Thing:
    """A thing in one of scikit-image's pictures."""

    name: str
    picture: str
    box: Box


THINGS = (
    Thing("face", "astronaut", Box(168, 62, 280, 208)),
    Thing("badge", "astronaut", Box(388, 292, 446, 330)),
    Thing("cat's face", "chelsea", Box(130, 60, 300, 230)),
    Thing("cup", "coffee", Box(170, 40, 420, 320)),
    Thing("wheel", "stereo_motorcycle", Box(120, 250, 300, 430)),
    Thing("line of text", "page", Box(20, 60, 220, 80)),
    Thing("rocket", "rocket", Box(300, 90, 345, 330)),
)


def picture(name: str) -> Picture:
    """Return scikit-image's picture in BGR."""
    found = getattr(data, name)()
    pixels = np.asarray(found[0] if isinstance(found, tuple) else found, np.uint8)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR if pixels.ndim == 2 else cv2.COLOR_RGB2BGR), np.uint8)


@dataclass(frozen=True)
class Scene:
    """A film's layers, each with the camera that films it; the thing is in the last layer."""

    layers: tuple[tuple[Picture, NDArray[np.float32], Camera], ...]  # pixels, opacity, camera
    thing: Box

    def place(self, frame: float) -> Box:
        """Return the upright box around the turned thing."""
        box, matrix = self.thing, self.layers[-1][2].matrix(frame)
        corners = [(x, y, 1.0) for x in (box.left, box.right) for y in (box.top, box.bottom)]
        points = np.array(corners) @ matrix.T
        return Box(*(float(edge) for edge in (*points.min(axis=0), *points.max(axis=0))))

    def frames(self, random: np.random.Generator) -> Iterator[VideoFrame]:
        for index in range(FRAMES):
            exposed = np.mean([self._moment(index + moment) for moment in SHUTTER], axis=0)
            noisy = exposed + random.normal(0, NOISE, (HEIGHT, WIDTH, 1))
            yield VideoFrame.from_ndarray(noisy.clip(0, 255).astype(np.uint8), "bgr24")

    def _moment(self, time: float) -> NDArray[np.float32]:
        made = np.full((HEIGHT, WIDTH, 3), 60, np.float32)
        for pixels, opacity, camera in self.layers:
            matrix, size = camera.matrix(time), (WIDTH, HEIGHT)
            shown = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_AREA).astype(np.float32)
            there = cv2.warpAffine(opacity, matrix, size, flags=cv2.INTER_LINEAR)[:, :, None]
            made = shown * there + made * (1 - there)
        return made


def filmed(thing: Thing, random: np.random.Generator) -> Scene:
    """A camera moves over the thing's own picture."""
    pixels = picture(thing.picture)
    height, width = pixels.shape[:2]
    return Scene(((pixels, np.ones((height, width), np.float32), Camera.drawn(width, height, random)),), thing.box)


def pasted(thing: Thing, random: np.random.Generator) -> Scene:
    """The thing, as an ellipse, moves over another picture."""
    others = sorted({one.picture for one in THINGS} - {thing.picture})
    behind = picture(others[int(random.integers(len(others)))])
    own = picture(thing.picture)
    (high, wide), (height, width) = behind.shape[:2], own.shape[:2]
    shape = np.zeros((height, width), np.float32)
    x, y = thing.box.centre
    cv2.ellipse(shape, ((x, y), (thing.box.width, thing.box.height), 0.0), 1.0, -1, cv2.LINE_AA)
    drawn = Camera.drawn(width, height, random)
    # The camera's path is around the picture's middle; here it is around the thing.
    shift = np.array([[1, 0, width / 2 - x], [0, 1, height / 2 - y]], np.float32)
    own = np.asarray(cv2.warpAffine(own, shift, (width, height)), np.uint8)
    shape = np.asarray(cv2.warpAffine(shape, shift, (width, height)), np.float32)
    layers = (
        (behind, np.ones((high, wide), np.float32), Camera.drawn(wide, high, random)),
        (own, shape, drawn),
    )
    return Scene(layers, thing.box.moved(width / 2 - x, height / 2 - y))


def trail(clip: Path, scene: Scene, frames: tuple[int, ...]) -> tuple[Drawing, Trail]:
    """Follow the thing, drawn in these frames."""
    with Source(clip) as source:
        facts = source.facts
    ticks = round(1 / (RATE * facts.time_base))
    keys = [Keyframe(frame * ticks, scene.place(frame).stretched(1 / WIDTH, 1 / HEIGHT)) for frame in frames]
    drawing = Drawing(tuple(keys))

    def read() -> Generator[VideoFrame | AnyPacket]:
        with Source(clip) as source:
            yield from source.items()

    decisions = Decisions(round(1 / facts.time_base), identity(clip), drawings=(drawing,))
    return drawing, follow(decisions, facts, read, lambda _: None)[0]


def shares(scene: Scene, drawing: Drawing, found: Trail) -> Iterator[tuple[float, float]]:
    """Yield for each frame that counts the covered share of the thing, and the box's area in the thing's."""
    ticks = 512
    for frame in range(FRAMES):
        true = scene.place(frame)
        visible = _common(true, Box(0, 0, WIDTH, HEIGHT))
        if visible.area < VISIBLE * true.area:
            continue
        box = followed(drawing, found, frame * ticks, (frame + 1) * ticks)
        if box is None:
            yield 0.0, 0.0
            continue
        place = _common(box.stretched(WIDTH, HEIGHT), Box(0, 0, WIDTH, HEIGHT))
        yield _common(place, visible).area / visible.area, place.area / visible.area


def _common(one: Box, other: Box) -> Box:
    return Box(
        max(one.left, other.left),
        max(one.top, other.top),
        min(one.right, other.right),
        min(one.bottom, other.bottom),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=4, help="films of each thing and way to move")
    films = parser.parse_args().films
    print(f"{'thing':14} {'moves':8} {'drawn':10} frames  covered  mean area  ends")
    totals: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for thing in THINGS:
        for moves, film in (("camera", filmed), ("itself", pasted)):
            found: dict[str, list[tuple[float, float]]] = {drawn: [] for drawn in DRAWN}
            ends: list[str] = []
            for seed in range(films):
                random = np.random.default_rng(seed)
                scene = film(thing, random)
                with tempfile.TemporaryDirectory() as folder:
                    clip = Path(folder, "film.mp4")
                    clips.write(clip, scene.frames(random), (WIDTH, HEIGHT), "yuv420p", RATE, crf="23")
                    for drawn, frames in DRAWN.items():
                        drawing, way = trail(clip, scene, frames)
                        found[drawn] += shares(scene, drawing, way)
                        ends += [end.value for end in way.ends if drawn == "one box"]
            for drawn, pairs in found.items():
                totals.setdefault((moves, drawn), []).extend(pairs)
                _row(thing.name, moves, drawn, pairs, " ".join(ends) if drawn == "one box" else "")
    for (moves, drawn), pairs in totals.items():
        _row("all", moves, drawn, pairs, "")


def _row(name: str, moves: str, drawn: str, pairs: list[tuple[float, float]], ends: str) -> None:
    covered = sum(share >= COVERED for share, _ in pairs) / max(1, len(pairs))
    areas = [area for _, area in pairs if area]
    area = sum(areas) / max(1, len(areas))
    print(f"{name:14} {moves:8} {drawn:10} {len(pairs):6} {covered:8.1%} {area:10.2f}  {ends}", flush=True)


if __name__ == "__main__":
    main()
