"""Measures how much of labelled faces the engine covers, and how much of the picture it masks without a face.

    .venv/bin/python -m benchmarks.coverage MEDIA TRUTH [--worst N] [--moving]

MEDIA is a folder of clips, animations and photographs; TRUTH a JSON file {"images": [{"file", "frame",
"boxes": [[x1, y1, x2, y2], …], "ignore": […]}, …]} with boxes in stored pixels, forehead to chin. Photographs
become clips of 12 frames. A face counts as covered when 90 % of its box is under the mask. "Masked for nothing" is
the masked share of the picture outside all labelled and ignored boxes grown 1.3 times. The default setting's worst
pictures are listed.

With --moving, a simulated moving camera films the photographs (moving.py), and all frames count.

"Frame by frame" is the same detector at 960 pixels with a threshold of 0.6 and a 1.3x rectangle.
"""

import argparse
import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from benchmarks import clips, moving
from redactor.faces.analysis import Analysis
from redactor.faces.effort import effort
from redactor.geometry import Box
from redactor.masks.masking import footprint
from redactor.networks.yunet import YuNet
from redactor.options import Options, Quality
from redactor.video.picture import Reducer
from redactor.video.source import Source

COVERED = 0.9
GROWN = 1.3
PHOTOS = {".jpg", ".jpeg", ".png"}
PHOTO_FRAMES = 12
PHOTO_RATE = 25


@dataclass(frozen=True)
class Label:
    """One labelled picture. `frame` is an index in decoding order."""

    file: str
    frame: int
    boxes: tuple[Box, ...]
    ignored: tuple[Box, ...]


@dataclass(frozen=True)
class Score:
    """One labelled picture's scores: the covered share of each face, and the picture's share masked without a face."""

    label: Label
    covered: tuple[float, ...]
    wasted: float


def read_labels(truth: Path) -> dict[str, list[Label]]:
    labels: dict[str, list[Label]] = defaultdict(list)
    for image in json.loads(truth.read_text())["images"]:
        labels[image["file"]].append(
            Label(
                image["file"],
                image["frame"] or 0,
                tuple(Box(*box) for box in image["boxes"]),
                tuple(Box(*box) for box in image["ignore"]),
            )
        )
    return labels


def as_clip(path: Path, folder: Path) -> Path:
    """Return `path` if it is a video, else an almost lossless MP4 of its pictures."""
    if path.suffix.lower() not in {*PHOTOS, ".gif"}:
        return path
    clip = folder / f"{path.stem}.mp4"
    with av.open(str(path)) as source:
        frames = list(source.decode(video=0))
    if len(frames) == 1:
        frames *= PHOTO_FRAMES
    width, height = frames[0].width, frames[0].height
    pictures = (VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), "rgb24") for frame in frames)
    pixel_format = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    clips.write(clip, pictures, (width, height), pixel_format, PHOTO_RATE, crf="8", preset="ultrafast")
    return clip


def filmed(path: Path, labels: list[Label], folder: Path, random: np.random.Generator) -> tuple[Path, list[Label]]:
    """Film a photograph with a moving camera. Return the clip and its frames' labels."""
    clip = folder / f"{path.stem}_moving.mp4"
    camera = moving.film(path, clip, random)
    labels = []
    for frame in range(moving.FRAMES):
        middle = frame + moving.SHUTTER[-1] / 2
        faces = [camera.place(box, middle) for label in labels for box in label.boxes]
        ignored = [camera.place(box, middle) for label in labels for box in label.ignored]
        labels.append(
            Label(
                labels[0].file,
                frame,
                tuple(box for box in faces if moving.counts(box)),
                (*ignored, *(box for box in faces if not moving.counts(box))),
            )
        )
    return clip, labels


def filled(boxes: Sequence[Box], width: int, height: int) -> NDArray[np.bool_]:
    """(height, width), true in any of `boxes`."""
    covered = np.zeros((height, width), np.bool_)
    for box in boxes:
        covered[
            max(0, int(box.top)) : max(0, math.ceil(box.bottom)), max(0, int(box.left)) : max(0, math.ceil(box.right))
        ] = True
    return covered


def score(label: Label, masked: NDArray[np.bool_]) -> Score:
    height, width = masked.shape
    covered = []
    for box in label.boxes:
        left, top = max(0, round(box.left)), max(0, round(box.top))
        inside = masked[top : max(top + 1, round(box.bottom)), left : max(left + 1, round(box.right))]
        covered.append(float(inside.mean()) if inside.size else 1.0)
    known = filled([box.scaled(GROWN) for box in (*label.boxes, *label.ignored)], width, height)
    return Score(label, tuple(covered), float((masked & ~known).mean()))


def engine_scores(clip: Path, labels: list[Label], options: Options) -> list[Score]:
    wanted = {label.frame: label for label in labels}
    scores = []
    with Source(clip) as source:
        analysis, margin = Analysis(source.facts, options), effort(options).margin
        index = 0
        for item in analysis.run(source.items()):
            if isinstance(item, Packet):
                continue
            if index in wanted:
                boxes = [region.box for region in item.regions]
                masked = footprint(boxes, item.frame.width, item.frame.height, margin)
                scores.append(score(wanted[index], masked))
            index += 1
    return scores


def plain_scores(clip: Path, labels: list[Label], detector: YuNet) -> list[Score]:
    wanted = {label.frame: label for label in labels}
    scores = []
    with Source(clip) as source:
        reducer = Reducer(960, source.facts.aspect or source.facts.aspect + 1, source.facts.rotation)
        frames = (item for item in source.items() if isinstance(item, VideoFrame))
        for index, frame in enumerate(frames):
            if index in wanted:
                picture = reducer.reduce(frame)
                boxes = [picture.stored(d.box) for d in detector.detect(picture.pixels, 0.6)]
                masked = filled([box.scaled(GROWN) for box in boxes], frame.width, frame.height)
                scores.append(score(wanted[index], masked))
    return scores


def report(name: str, scores: list[Score]) -> None:
    faces = [share for one in scores for share in one.covered]
    hidden = sum(share >= COVERED for share in faces)
    wasted = sum(one.wasted for one in scores) / len(scores)
    print(
        f"{name:16} {hidden}/{len(faces)} faces covered ({hidden / len(faces):.2%}), {wasted:.2%} masked without a face"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("media", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--worst", type=int, default=12, help="how many pictures to name")
    parser.add_argument("--moving", action="store_true", help="photographs alone, by a moving camera")
    arguments = parser.parse_args()
    detector = YuNet()
    random = np.random.default_rng(5)
    plain: list[Score] = []
    engine: dict[Quality, list[Score]] = {quality: [] for quality in Quality}
    with tempfile.TemporaryDirectory() as folder:
        for file, known in read_labels(arguments.truth).items():
            path = arguments.media / file
            if not path.exists():
                print(f"left out, not in the folder: {file}")
                continue
            if not arguments.moving:
                clip, labels = as_clip(path, Path(folder)), known
            elif path.suffix.lower() in PHOTOS:
                clip, labels = filmed(path, known, Path(folder), random)
            else:
                continue
            plain += plain_scores(clip, labels, detector)
            for quality in Quality:
                engine[quality] += engine_scores(clip, labels, Options(quality=quality))
    report("frame by frame", plain)
    for quality, scores in engine.items():
        report(quality, scores)
    for one in sorted(engine[Quality.BALANCED], key=lambda s: (-sum(c < COVERED for c in s.covered), -s.wasted))[
        : arguments.worst
    ]:
        missed = [
            f"({box.left:.0f},{box.top:.0f} {box.width:.0f}x{box.height:.0f}: {share:.0%})"
            for box, share in zip(one.label.boxes, one.covered, strict=True)
            if share < COVERED
        ]
        print(f"  {one.label.file} frame {one.label.frame}: {one.wasted:.2%} masked for nothing {' '.join(missed)}")


if __name__ == "__main__":
    main()
