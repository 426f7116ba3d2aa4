"""The engine's arguments and output files for each mode of the face detector.

Names and contents of the files: the contract of FaceDetectorPreset.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.transforms import FaceDetectorPreset, Mode
from mediaservice.names import redacted_name
from mediaservice.settings import Work
from mediaservice.worker.produced import Produced
from mediaservice.worker.sandbox.engine import EngineResult, run_engine

REDACTED = "redacted.mp4"
ANALYZED = r"_(thumb\d{6,}\.jpg|(annotations|doubtful)\.json)"  # appended to the engine's name for the video
CONTENT_TYPES = {".mp4": "video/mp4", ".json": "application/json", ".jpg": "image/jpeg"}
# The job's record holds the names during publication and must stay within the limits of a table.
MAX_FILES = 5000


@dataclass(frozen=True)
class Material:
    """A source's files on this machine."""

    video: Path
    annotations: Path
    ids: Path


@dataclass(frozen=True)
class Product:
    file: str  # in the folder of products
    name: str  # in the output asset

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[PurePosixPath(self.file).suffix]


@dataclass(frozen=True)
class Made:
    result: EngineResult
    products: tuple[Product, ...]  # the presence of the last one shows that all are present


def main_name(mode: Mode, input_name: str) -> str:
    """Return the name of the product that is published last."""
    return f"{_stem(input_name)}_annotations.json" if mode is Mode.ANALYZE else redacted_name(input_name)


async def perform(
    settings: Work,
    preset: FaceDetectorPreset,
    material: Material,
    produced: Produced,
    input_name: str,
    progress: Callable[[float], None],
) -> Made:
    """Run the engine for one source. Raises JobFailedError."""
    shown = {material.video: input_name, material.annotations: "the annotations", material.ids: "the list of ids"}
    if preset.mode is Mode.ANALYZE:
        options = ["--resolution", preset.resolution, "--quality", preset.quality, "--damaged", preset.damaged]
        arguments = ["analyze", str(material.video), str(produced.folder), *options]
        result = await run_engine(settings, arguments, material.video.parent, shown, progress)
        return Made(result, _products(preset.mode, produced.names(), material.video.stem, input_name))
    target = produced.folder / REDACTED
    people: list[str] = []
    if preset.mode is Mode.REDACT:
        people += ["--annotations", str(material.annotations)]
        people += ["--id-list", str(material.ids)] if material.ids.exists() else []
    options = ["--blur-type", preset.blur_type, "--resolution", preset.resolution, "--quality", preset.quality]
    options += ["--damaged", preset.damaged]
    options += ["--mode", "redact", *people] if people else []
    arguments = ["redact", str(material.video), str(target), *options]
    first, second = _halves(progress) if preset.verify else (progress, progress)
    result = await run_engine(settings, arguments, material.video.parent, shown, first)
    products = _products(preset.mode, produced.names(), material.video.stem, input_name)
    if preset.verify:
        arguments = ["verify", str(material.video), str(target), *people]
        shown |= {target: redacted_name(input_name)}
        _check(await run_engine(settings, arguments, material.video.parent, shown, second), input_name)
    return Made(result, products)


def _check(verification: EngineResult, input_name: str) -> None:
    """Raise JobFailedError if the redacted video shows a face. Another attempt would give the same."""
    if verification.bare_faces is None:
        raise JobFailedError(ErrorCode.SERVICE_ERROR, "The redaction engine ended without verifying its output.")
    if verification.bare_faces:
        many = "1 face" if verification.bare_faces == 1 else f"{verification.bare_faces:,} faces"
        raise JobFailedError(
            ErrorCode.CONTENT_UNSUPPORTED,
            f"{input_name}: {many} found bare in the redacted video, which was not published; the first "
            f"{verification.first_bare}. Redact with quality accurate, or analyze, add what is missing and redact.",
        )


def _halves(progress: Callable[[float], None]) -> tuple[Callable[[float], None], Callable[[float], None]]:
    return lambda percent: progress(percent / 2), lambda percent: progress(50 + percent / 2)


def _products(mode: Mode, files: Sequence[str], engine_stem: str, input_name: str) -> tuple[Product, ...]:
    """Return the products. The engine names its files after its input."""
    if mode is not Mode.ANALYZE:
        products = [Product(file, redacted_name(input_name)) for file in files if file == REDACTED]
    else:
        named = re.compile(re.escape(engine_stem) + ANALYZED)
        last = f"{engine_stem}_annotations.json"
        found = sorted(filter(named.fullmatch, files), key=lambda file: (file == last, file))
        products = [Product(file, _stem(input_name) + file.removeprefix(engine_stem)) for file in found]
    if not products or products[-1].name != main_name(mode, input_name):
        raise JobFailedError(ErrorCode.SERVICE_ERROR, "The redaction engine ended without its output.")
    if len(products) > MAX_FILES:
        raise JobFailedError(
            ErrorCode.CONTENT_UNSUPPORTED,
            f"{input_name}: {len(products):,} faces; at most {MAX_FILES - 1:,} fit.",
        )
    return tuple(products)


def _stem(input_name: str) -> str:
    return PurePosixPath(input_name).stem
