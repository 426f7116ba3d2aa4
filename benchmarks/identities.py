"""Measures `analyze`'s ids: how often one person keeps one id, and how often two people share one.

    .venv/bin/python -m benchmarks.identities PEOPLE [--height 240] [--seed 0]

PEOPLE is a folder with a folder of photographs for each person, one face in each. Every photograph becomes a shot of
half a second in a 1280x720 video, in random order, slowly growing, with a longer side of `--height` pixels. Two shots
of one person should get one id. Two shots of different people should not.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

import redactor

RATE = 24
SHOT = 12  # frames
GROWTH = 0.15  # of a photograph during its shot, as a share
WIDTH, HEIGHT = 1280, 720
ENDINGS = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True)
class Shot:
    person: str
    photograph: Path


def shots(people: Path, seed: int) -> list[Shot]:
    found = [
        Shot(person.name, photograph)
        for person in sorted(people.iterdir())
        if person.is_dir()
        for photograph in sorted(person.iterdir())
        if photograph.suffix.lower() in ENDINGS
    ]
    random.Random(seed).shuffle(found)  # noqa: S311 — a random order, not a secret
    return found


def scene(photograph: Path, height: int) -> list[NDArray[np.uint8]]:
    """Return the shot's frames, (HEIGHT, WIDTH, 3) BGR. Each shot has its own background, so that cuts are detected."""
    picture = cv2.imread(str(photograph))
    assert picture is not None, f"{photograph} is no picture"
    tiles = np.random.default_rng(list(str(photograph).encode())).integers(0, 256, (9, 16, 3), np.uint8)
    background = cv2.resize(tiles, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    frames = []
    for index in range(SHOT):
        factor = height * (1 + GROWTH * index / SHOT) / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        frame = np.array(background, np.uint8)
        top, left = (HEIGHT - small.shape[0]) // 2, (WIDTH - small.shape[1]) // 2 + 4 * index
        frame[top : top + small.shape[0], left : left + small.shape[1]] = small
        frames.append(frame)
    return frames


def write_video(path: Path, sequence: Sequence[Shot], height: int) -> None:
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "ultrafast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        index = 0
        for shot in sequence:
            for picture in scene(shot.photograph, height):
                frame = VideoFrame.from_ndarray(picture, "bgr24")
                frame.pts = index
                index += 1
                sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))


def ids_of_shots(annotations: Path, count: int) -> list[set[int]]:
    """Return the ids in the later half of each shot, where no region of the previous shot is left."""
    document = json.loads(annotations.read_text())
    frames = [events for fragment in document["fragments"] for events in fragment["events"]]
    assert len(frames) == count * SHOT, f"{len(frames)} frames were analysed, {count * SHOT} written"
    later = [frames[shot * SHOT + SHOT // 2 : (shot + 1) * SHOT] for shot in range(count)]
    return [{event["id"] for events in shot for event in events} for shot in later]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("--height", type=int, default=240, help="pixels of a photograph's longer side")
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    arguments = parser.parse_args()
    sequence = shots(arguments.people, arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_video(folder / "people.mp4", sequence, arguments.height)
        result = redactor.analyze(folder / "people.mp4", folder)
        ids = ids_of_shots(folder / "people_annotations.json", len(sequence))
    same = different = right = wrong = 0
    for (one, first), (other, second) in combinations(zip(sequence, ids, strict=True), 2):
        joined = bool(first & second)
        if one.person == other.person:
            same += 1
            right += joined
        else:
            different += 1
            wrong += joined
    for number in sorted(set().union(*ids)):
        photographs = [shot for shot, found in zip(sequence, ids, strict=True) if number in found]
        if len({shot.person for shot in photographs}) > 1:
            print(f"  under one id: {', '.join(f'{s.person}/{s.photograph.name}' for s in photographs)}")
    people = len({shot.person for shot in sequence})
    missed = sum(not each for each in ids)
    print(f"{len(sequence)} shots of {people} people, {missed} without a face found: {result.faces} ids")
    print(f"pairs of one person joined: {right} of {same}; pairs of strangers joined: {wrong} of {different}")


if __name__ == "__main__":
    main()
