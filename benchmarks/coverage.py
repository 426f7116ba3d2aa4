"""Measures how much of labelled faces the engine covers, and how much of the picture it masks without a face.

    .venv/bin/python -m benchmarks.coverage MEDIA TRUTH… [--half tune|check] [--moving] [--deface PYTHON] [--worst N]
        [--faceless CLIP…]

MEDIA is a folder of clips, animations and photographs; TRUTH a JSON file {"images": [{"file", "frame",
"boxes": [[x1, y1, x2, y2], …], "ignore": […]}, …]} with boxes in stored pixels, forehead to chin. Photographs
become clips of 12 frames, of which the first, the last and two more count. A face counts as covered when 90 % of its
box is under the mask. "Masked without a face" is the masked share of the picture outside all labelled and ignored boxes
grown 1.3 times; "false boxes" are those a picture that hardly overlap any of them. The default setting's worst pictures
are listed.

--faceless names clips without faces, in which every track is a false one; they are counted a minute.

--half takes half of the files, always the same: thresholds are chosen on `tune` and checked on `check`.
With --moving, a simulated moving camera films the photographs (moving.py), and all frames count.
--deface names the Python of an environment that has deface, which then stands in the table as it comes.

YuNet and CenterFace alone look at 960 pixels, frame by frame, from a score of 0.6 and 0.2 on, with the engine's masks.
"""

import argparse
import itertools
import json
import math
import subprocess
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
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
from redactor.geometry import Box, Margin
from redactor.masks.masking import footprint
from redactor.networks.centerface import CenterFace
from redactor.networks.detection import Detection
from redactor.networks.yunet import YuNet
from redactor.options import Options, Quality
from redactor.video.picture import Reducer
from redactor.video.source import Source

COVERED = 0.9
GROWN = 1.3
PHOTOS = {".jpg", ".jpeg", ".png"}
PHOTO_FRAMES = 12
COUNTED = (0, 4, 7, 11)  # frames of such a clip
PHOTO_RATE = 25
FALSE = 0.1  # overlap with a face below which a box shows none
HEIGHTS = (0, 16, 24, 48, math.inf)
ALONE = 960
DEFACE = "deface, as it comes"

type Detect = Callable[[NDArray[np.uint8], float], list[Detection]]


@dataclass(frozen=True)
class Label:
    """One labelled picture. `frame` is an index in decoding order."""

    file: str
    frame: int
    boxes: tuple[Box, ...]
    ignored: tuple[Box, ...]


@dataclass(frozen=True)
class Score:
    """One labelled picture's scores.

    The covered share of each face, the picture's share masked without a face, and the number of boxes that show none.
    """

    label: Label
    covered: tuple[float, ...]
    wasted: float
    false: int


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


def half_of(file: str) -> str:
    """`tune` or `check`, by the file's name alone."""
    return ("tune", "check")[zlib.crc32(file.encode()) % 2]


def as_clip(path: Path, labels: list[Label], folder: Path) -> tuple[Path, list[Label]]:
    """The file itself if it is a video, else an MP4 of its pictures, hardly compressed; and its frames' labels."""
    if path.suffix.lower() not in {*PHOTOS, ".gif"}:
        return path, labels
    clip = folder / f"{path.stem}.mp4"
    with av.open(str(path)) as source:
        frames = list(source.decode(video=0))
    if len(frames) == 1:
        frames *= PHOTO_FRAMES
        labels = [Label(label.file, frame, label.boxes, label.ignored) for label in labels for frame in COUNTED]
    width, height = frames[0].width, frames[0].height
    pictures = (VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), "rgb24") for frame in frames)
    pixel_format = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    clips.write(clip, pictures, (width, height), pixel_format, PHOTO_RATE, crf="8", preset="ultrafast")
    return clip, labels


def filmed(path: Path, labels: list[Label], folder: Path, random: np.random.Generator) -> tuple[Path, list[Label]]:
    """A clip of a photograph by a moving camera, and its frames' labels."""
    clip = folder / f"{path.stem}_moving.mp4"
    camera = moving.film(path, clip, random)
    placed = []
    for frame in range(moving.FRAMES):
        middle = frame + moving.SHUTTER[-1] / 2
        faces = [camera.place(box, middle) for label in labels for box in label.boxes]
        ignored = [camera.place(box, middle) for label in labels for box in label.ignored]
        placed.append(
            Label(
                labels[0].file,
                frame,
                tuple(box for box in faces if moving.counts(box)),
                (*ignored, *(box for box in faces if not moving.counts(box))),
            )
        )
    return clip, placed


def filled(boxes: Sequence[Box], width: int, height: int) -> NDArray[np.bool_]:
    """(height, width), true in any of `boxes`."""
    covered = np.zeros((height, width), np.bool_)
    for box in boxes:
        rows = slice(max(0, math.floor(box.top)), max(0, math.ceil(box.bottom)))
        columns = slice(max(0, math.floor(box.left)), max(0, math.ceil(box.right)))
        covered[rows, columns] = True
    return covered


def score(label: Label, boxes: Sequence[Box], masked: NDArray[np.bool_]) -> Score:
    height, width = masked.shape
    covered = []
    for box in label.boxes:
        left, top = max(0, round(box.left)), max(0, round(box.top))
        inside = masked[top : max(top + 1, round(box.bottom)), left : max(left + 1, round(box.right))]
        covered.append(float(inside.mean()) if inside.size else 1.0)
    known = [*label.boxes, *label.ignored]
    around = filled([box.scaled(GROWN) for box in known], width, height)
    false = sum(all(box.overlap(face) < FALSE for face in known) for box in boxes)
    return Score(label, tuple(covered), float((masked & ~around).mean()), false)


def engine_scores(clip: Path, labels: list[Label], options: Options) -> Iterator[Score]:
    wanted = {label.frame: label for label in labels}
    with Source(clip) as source:
        analysis = Analysis(source.facts, options)
        regioned = (item for item in analysis.run(source.items()) if not isinstance(item, Packet))
        for index, item in enumerate(regioned):
            if index in wanted:
                boxes = [region.box for region in item.regions]
                masked = footprint(boxes, item.frame.width, item.frame.height, effort(options).margin)
                yield score(wanted[index], boxes, masked)


def alone_scores(clip: Path, labels: list[Label], detect: Detect, least: float, margin: Margin) -> Iterator[Score]:
    wanted = {label.frame: label for label in labels}
    with Source(clip) as source:
        reducer = Reducer(ALONE, source.facts.aspect or source.facts.aspect + 1, source.facts.rotation)
        frames = (item for item in source.items() if isinstance(item, VideoFrame))
        for index, frame in enumerate(frames):
            if index in wanted:
                picture = reducer.reduce(frame)
                boxes = [picture.stored(found.box) for found in detect(picture.pixels, least)]
                yield score(wanted[index], boxes, footprint(boxes, frame.width, frame.height, margin))


def deface_scores(clip: Path, labels: list[Label], python: str) -> Iterator[Score]:
    wanted = {str(label.frame): label for label in labels}
    script = Path(__file__).with_name("deface_boxes.py")
    done = subprocess.run([python, str(script), str(clip), *wanted], check=True, capture_output=True, text=True)
    with av.open(str(clip)) as container:
        width, height = container.streams.video[0].width, container.streams.video[0].height
    for index, found in json.loads(done.stdout.splitlines()[-1]).items():
        boxes = [Box(*box) for box in found]
        yield score(wanted[index], boxes, filled(boxes, width, height))


def row(name: str, scores: Sequence[Score]) -> str:
    """A line of the table."""
    shares = np.array([share >= COVERED for one in scores for share in one.covered])
    heights = np.array([box.height for one in scores for box in one.label.boxes])
    cells = [f"{shares.mean():.1%}"]
    for least, most in itertools.pairwise(HEIGHTS):
        some = shares[(heights >= least) & (heights < most)]
        cells.append(f"{some.mean():.1%}" if some.size else "")
    cells.append(f"{np.mean([one.wasted for one in scores]):.2%}")
    cells.append(f"{np.mean([one.false for one in scores]):.2f}")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("media", type=Path)
    parser.add_argument("truths", type=Path, nargs="+", metavar="truth")
    parser.add_argument("--half", choices=("tune", "check"))
    parser.add_argument("--worst", type=int, default=12, help="how many pictures to name")
    parser.add_argument("--moving", action="store_true", help="photographs alone, by a moving camera")
    parser.add_argument("--deface", metavar="PYTHON")
    parser.add_argument("--faceless", type=Path, nargs="+", default=[], metavar="CLIP")
    parser.add_argument("--quality", type=Quality, nargs="+", default=list(Quality))
    arguments = parser.parse_args()
    yunet, centerface = YuNet(), CenterFace()
    margin = effort(Options()).margin
    for truth in arguments.truths:
        random = np.random.default_rng(5)
        scores: dict[str, list[Score]] = defaultdict(list)
        with tempfile.TemporaryDirectory() as folder:
            for file, known in read_labels(truth).items():
                path = arguments.media / file
                if arguments.half and half_of(file) != arguments.half:
                    continue
                if not path.exists():
                    print(f"left out, not in the folder: {file}")
                    continue
                if not arguments.moving:
                    clip, labels = as_clip(path, known, Path(folder))
                elif path.suffix.lower() in PHOTOS:
                    clip, labels = filmed(path, known, Path(folder), random)
                else:
                    continue
                for quality in arguments.quality:
                    scores[f"`{quality}`"] += engine_scores(clip, labels, Options(quality=quality))
                if arguments.deface:
                    scores[DEFACE] += deface_scores(clip, labels, arguments.deface)
                scores["YuNet alone"] += alone_scores(clip, labels, yunet.detect, 0.6, margin)
                scores["CenterFace alone"] += alone_scores(clip, labels, centerface.detect, 0.2, margin)
        faces = {(one.label.file, box) for one in scores["YuNet alone"] for box in one.label.boxes}
        ends = ("under 16 px", "16 to 24", "24 to 48", "48 and more")
        print(f"\n{truth.name}, {len(faces)} faces\n")
        print(f"| | all | {' | '.join(ends)} | masked without a face | false boxes a picture |")
        print("|---" * (len(ends) + 4) + "|")
        for name, some in scores.items():
            print(row(name, some), flush=True)
        _name_worst(scores[f"`{arguments.quality[-1]}`"], arguments.worst)
    if arguments.faceless:
        print("\n| clips without faces | minutes | false tracks a minute | masked |\n|---|---|---|---|")
        for quality in arguments.quality:
            print(_faceless(arguments.faceless, quality), flush=True)


def _faceless(clips_without: Sequence[Path], quality: Quality) -> str:
    tracks = frames = 0
    seconds = masked = 0.0
    for clip in clips_without:
        options = Options(quality=quality)
        with Source(clip) as source:
            analysis = Analysis(source.facts, options)
            for item in analysis.run(source.items()):
                if isinstance(item, Packet):
                    continue
                boxes = [region.box for region in item.regions]
                size = item.frame.width, item.frame.height
                masked += float(footprint(boxes, *size, effort(options).margin).mean()) if boxes else 0.0
                frames += 1
                seconds += float(1 / source.facts.rate)
            tracks += analysis.tracks
    minutes = seconds / 60
    return f"| `{quality}` | {minutes:.2f} | {tracks / minutes:.1f} | {masked / frames:.2%} |"


def _name_worst(scores: Sequence[Score], most: int) -> None:
    for one in sorted(scores, key=lambda s: (-sum(c < COVERED for c in s.covered), -s.wasted))[:most]:
        missed = [
            f"({box.left:.0f},{box.top:.0f} {box.width:.0f}x{box.height:.0f}: {share:.0%})"
            for box, share in zip(one.label.boxes, one.covered, strict=True)
            if share < COVERED
        ]
        print(f"  {one.label.file} frame {one.label.frame}: {one.wasted:.2%} for nothing {' '.join(missed)}")


if __name__ == "__main__":
    main()
