"""Measures whether a face recogniser, or the detector itself, still recognises redacted faces.

    .venv/bin/python -m benchmarks.irreversible FOLDER [--frames N]

FOLDER holds photographs and truth.json, the labels that benchmarks.coverage reads too. The recogniser is dlib's
ResNet, which the engine does not use. Run this in a separate environment with requirements.lock, dlib-bin==20.0.1,
setuptools and face-recognition-models==0.1.3. Of the last one, only that network's weights are read.

Each face is one person, and the recogniser holds the original photograph of each: the easiest search possible. It gets
the face's exact place. It looks at the redacted face as it is, sharpened, smoothed, averaged over the frames of a
shaking camera, and reconstructed from them by iterated back-projection (Irani and Peleg, 1991) with the same code that
redacted it. Rank 1 counts the faces whose own photograph comes first; by chance it is 1. AUC is how often a face is
nearer to its own photograph than to another's; by chance it is .50. "Accepted" uses dlib's own threshold.
The last look compares with the same photograph redacted the same way. It answers an easier question: is it this very
picture?
"""

import argparse
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import dlib
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.faces.effort import effort
from redactor.faces.tracking import Region
from redactor.geometry import Box
from redactor.masks.blur import Painter
from redactor.networks import weights
from redactor.options import BlurType, Options

type Picture = NDArray[np.uint8]  # (SIDE, SIDE, 3) BGR

CLEAR: Final = 0.6  # YuNet's score of a face that it sees clearly
SIDE: Final = 256
FACE: Final = 110  # pixels from forehead to chin in it
SMALLEST: Final = 50  # the same for a labelled face in its photograph
ACCEPTED: Final = 0.6
ROUNDS: Final = 12
# Eyes, tip of the nose and corners of the mouth in dlib's mean face, in its 150 pixel chip with a quarter's margin.
CHIP: Final = 150
POINTS: Final = (
    np.array([[0.2255, 0.216], [0.7548, 0.216], [0.4901, 0.5156], [0.2541, 0.7802], [0.7261, 0.7802]]) + 0.25
) * (CHIP / 1.5)


@dataclass(frozen=True)
class Face:
    """A part of a photograph with one face, FACE pixels high, in its middle; and the face's landmarks (5, 2)."""

    picture: Picture
    box: Box
    points: NDArray[np.float32]


class Eyes:
    """YuNet with its landmarks, which the engine does not use."""

    def __init__(self) -> None:
        net = np.frombuffer(weights.YUNET.read(), np.uint8)
        self._net = cv2.FaceDetectorYN.create("onnx", net, np.empty(0, np.uint8), (SIDE, SIDE), 0.3)

    def landmarks(self, picture: Picture, box: Box, score: float) -> NDArray[np.float32] | None:
        """Return the landmarks of the face detected at `box`, if there is one."""
        _, rows = self._net.detect(picture)
        for row in rows if rows is not None else ():
            found = Box(row[0], row[1], row[0] + row[2], row[1] + row[3])
            if row[14] >= score and found.overlap(box) > 0.3:
                return np.asarray(row[4:14].reshape(5, 2), np.float32)
        return None


class Recogniser:
    """dlib's face_recognition_resnet_model_v1: 128 numbers a face."""

    def __init__(self) -> None:
        spec = find_spec("face_recognition_models")
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit("face-recognition-models is not installed")
        model = Path(spec.submodule_search_locations[0], "models", "dlib_face_recognition_resnet_model_v1.dat")
        self._net = dlib.face_recognition_model_v1(str(model))

    def describe(self, pictures: list[Picture], faces: list[Face]) -> NDArray[np.float64]:
        """Return (n, 128) descriptions."""
        return np.array([self._net.compute_face_descriptor(_chip(p, f)) for p, f in zip(pictures, faces, strict=True)])


def _chip(picture: Picture, face: Face) -> Picture:
    to_chip, _ = cv2.estimateAffinePartial2D(face.points, POINTS.astype(np.float32), method=cv2.LMEDS)
    return np.ascontiguousarray(cv2.warpAffine(picture, to_chip, (CHIP, CHIP))[:, :, ::-1], np.uint8)


def faces_of(folder: Path, eyes: Eyes) -> list[Face]:
    """Return all large labelled faces with visible landmarks."""
    truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    found = []
    for image in truth["images"]:
        path = folder / image["file"]
        if path.suffix != ".jpg":
            continue
        photograph = np.asarray(cv2.imread(str(path)), np.uint8)
        for left, top, right, bottom in image["boxes"]:
            factor = FACE / (bottom - top)
            x, y = SIDE / 2 - (left + right) / 2 * factor, SIDE / 2 - (top + bottom) / 2 * factor
            how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
            picture = _warped(photograph, np.array([[factor, 0, x], [0, factor, y]]), how)
            box = Box(left, top, right, bottom).stretched(factor, factor).moved(x, y)
            points = eyes.landmarks(picture, box, 0.8)
            if bottom - top >= SMALLEST and points is not None:
                found.append(Face(picture, box, points))
    return found


def _warped(picture: Picture, matrix: NDArray[np.float64], how: int = cv2.INTER_CUBIC) -> Picture:
    return np.asarray(cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REFLECT), np.uint8)


def drawn(picture: Picture, box: Box, painter: Painter) -> Picture:
    """Return `picture` after the engine drew on it."""
    frame = VideoFrame.from_ndarray(picture, "bgr24").reformat(format="yuv420p")
    frame = VideoFrame.from_ndarray(frame.to_ndarray(), "yuv420p")
    painter.draw(frame, [Region(1, box, seen=True)])
    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


@dataclass(frozen=True)
class Shot:
    """One redacted frame of a shaking camera, with the photograph's place in it and the detected box."""

    matrix: NDArray[np.float64]
    box: Box
    picture: Picture


def shots(face: Face, blur_type: BlurType, count: int, seed: int) -> list[Shot]:
    random = np.random.default_rng(seed)
    painter = _painter(blur_type)
    made = []
    for _ in range(count):
        zoom = 1 + 0.08 * random.standard_normal()
        x, y = random.uniform(-12, 12, 2) + SIDE / 2 * (1 - zoom)
        matrix = np.array([[zoom, 0, x], [0, zoom, y]])
        # The detector's jitter is a few hundredths of the face.
        off, growth = random.normal(0, 0.03 * FACE, 2), 1 + random.normal(0, 0.02)
        box = face.box.stretched(zoom, zoom).moved(x + off[0], y + off[1]).scaled(growth)
        made.append(Shot(matrix, box, drawn(_warped(face.picture, matrix), box, painter)))
    return made


def averaged(taken: list[Shot]) -> Picture:
    return np.mean([_back(shot.matrix, shot.picture) for shot in taken], axis=0).astype(np.uint8)


def put_together(taken: list[Shot], blur_type: BlurType) -> Picture:
    """Reconstruct the picture that, redacted in the same way, gives the same frames."""
    guess = averaged(taken).astype(np.float32)
    for _ in range(ROUNDS):
        painter = _painter(blur_type)
        error = np.zeros_like(guess)
        for shot in taken:
            again = drawn(_warped(np.clip(guess, 0, 255).astype(np.uint8), shot.matrix), shot.box, painter)
            error += _back(shot.matrix, shot.picture.astype(np.float32) - again)
        guess += 1.3 * error / len(taken)
    return np.clip(guess, 0, 255).astype(np.uint8)


def _back(matrix: NDArray[np.float64], picture: NDArray[Any]) -> NDArray[np.float32]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(picture.astype(np.float32), matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)


def _painter(blur_type: BlurType) -> Painter:
    return Painter(blur_type, effort(Options()).margin)


def sharpened(picture: Picture) -> Picture:
    return np.asarray(cv2.addWeighted(picture, 2.5, cv2.GaussianBlur(picture, (0, 0), 8), -1.5, 0), np.uint8)


def smoothed(picture: Picture) -> Picture:
    return np.asarray(cv2.bilateralFilter(cv2.GaussianBlur(picture, (0, 0), FACE / 8), 9, 30, 9), np.uint8)


def line(name: str, redacted: NDArray[np.float64], originals: NDArray[np.float64]) -> str:
    """Describe how well (n, 128) descriptions of redacted faces find their originals among (n, 128)."""
    distance = np.linalg.norm(redacted[:, None] - originals[None], axis=2)
    count = len(distance)
    own, others = np.diag(distance), distance[~np.eye(count, dtype=bool)]
    first = int((distance.argmin(axis=1) == np.arange(count)).sum())
    luck = sum(math.comb(count, k) * (count - 1) ** (count - k) for k in range(first, count + 1)) / count**count
    auc = (own[:, None] < others[None]).mean()
    return (
        f"  {name:24}rank 1 {first:3} of {count} (p {luck:.2f})   AUC {auc:.2f}   "
        f"accepted {(own < ACCEPTED).mean():4.0%} of own, {(others < ACCEPTED).mean():4.0%} of others'"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=16, help="of the shaking camera")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    eyes, recogniser = Eyes(), Recogniser()
    faces = faces_of(arguments.folder, eyes)
    originals = recogniser.describe([face.picture for face in faces], faces)
    halved = [np.asarray(cv2.pyrUp(cv2.pyrDown(face.picture)), np.uint8) for face in faces]
    print(f"{len(faces)} faces\nnot redacted, half the size")
    print(line("as they are", recogniser.describe(halved, faces), originals))
    for blur_type in (BlurType.LOW, BlurType.MED, BlurType.HIGH, BlurType.BLACK):
        report(blur_type, faces, originals, recogniser, eyes, arguments.frames)


def report(
    blur_type: BlurType,
    faces: list[Face],
    originals: NDArray[np.float64],
    recogniser: Recogniser,
    eyes: Eyes,
    frames: int,
) -> None:
    redacted = [drawn(face.picture, face.box, _painter(blur_type)) for face in faces]
    fired = sum(eyes.landmarks(p, f.box, CLEAR) is not None for p, f in zip(redacted, faces, strict=True))
    print(f"{blur_type}: the detector fires on {fired} of {len(faces)}")
    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(lambda pair: shots(pair[1], blur_type, frames, pair[0]), enumerate(faces)))
        rebuilt = list(pool.map(lambda one: put_together(one, blur_type), taken))
    attempts: dict[str, Callable[[], list[Picture]]] = {
        "as they are": lambda: redacted,
        "sharpened": lambda: [sharpened(picture) for picture in redacted],
        "smoothed": lambda: [smoothed(picture) for picture in redacted],
        f"{frames} frames averaged": lambda: [averaged(one) for one in taken],
        f"{frames} frames put together": lambda: rebuilt,
    }
    for name, attempt in attempts.items():
        print(line(name, recogniser.describe(attempt(), faces), originals), flush=True)
    likewise = [shots(face, blur_type, 1, seed)[0] for seed, face in enumerate(faces)]
    same = recogniser.describe([averaged([shot]) for shot in likewise], faces)
    print(line("the same picture?", recogniser.describe(redacted, faces), same), flush=True)


if __name__ == "__main__":
    main()
