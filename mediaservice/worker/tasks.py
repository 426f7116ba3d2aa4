"""What each mode of the face detector makes of its input: the engine's arguments, and the files that come of them.

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
from mediaservice.worker.engine import EngineResult, run_engine
from mediaservice.worker.produced import Produced

REDACTED = "redacted.mp4"
ANALYZED = r"_(thumb\d{6,}\.jpg|annotations\.json)"  # after the engine's name for the video
CONTENT_TYPES = {".mp4": "video/mp4", ".json": "application/json", ".jpg": "image/jpeg"}
# The names are kept in the job's record while they are published, which must stay within what a table takes.
MAX_FILES = 5000


@dataclass(frozen=True)
class Material:
    """On this machine."""

    video: Path
    annotations: Path
    ids: Path


@dataclass(frozen=True)
class Product:
    file: str  # in the folder of what was produced
    name: str  # in the output asset

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[PurePosixPath(self.file).suffix]


@dataclass(frozen=True)
class Made:
    result: EngineResult
    products: tuple[Product, ...]  # the last is what tells that all are there


def main_name(mode: Mode, input_name: str) -> str:
    """The product that is published last."""
    return f"{_stem(input_name)}_annotations.json" if mode is Mode.ANALYZE else redacted_name(input_name)


async def perform(
    settings: Work,
    preset: FaceDetectorPreset,
    material: Material,
    produced: Produced,
    input_name: str,
    progress: Callable[[float], None],
) -> Made:
    """Raises JobFailedError."""
    if preset.mode is Mode.ANALYZE:
        options = ["--resolution", preset.resolution, "--quality", preset.quality]
        arguments = ["analyze", str(material.video), str(produced.folder), *options]
    else:
        target = produced.folder / REDACTED
        options = ["--blur-type", preset.blur_type, "--resolution", preset.resolution, "--quality", preset.quality]
        if preset.mode is Mode.REDACT:
            options += ["--mode", "redact", "--annotations", str(material.annotations)]
            options += ["--id-list", str(material.ids)] if material.ids.exists() else []
        arguments = ["redact", str(material.video), str(target), *options]
    shown = {material.video: input_name, material.annotations: "the annotations", material.ids: "the list of ids"}
    result = await run_engine(settings, arguments, material.video.parent, shown, progress)
    return Made(result, _products(preset.mode, produced.names(), material.video.stem, input_name))


def _products(mode: Mode, files: Sequence[str], engine_stem: str, input_name: str) -> tuple[Product, ...]:
    """The engine calls its files after the file that it was given."""
    if mode is not Mode.ANALYZE:
        products = [Product(file, redacted_name(input_name)) for file in files if file == REDACTED]
    else:
        named = re.compile(re.escape(engine_stem) + ANALYZED)
        found = sorted(filter(named.fullmatch, files), key=lambda file: (file.endswith(".json"), file))
        products = [Product(file, _stem(input_name) + file.removeprefix(engine_stem)) for file in found]
    if not products or products[-1].name != main_name(mode, input_name):
        raise JobFailedError(ErrorCode.SERVICE_ERROR, "The redaction engine ended without its output.")
    if len(products) > MAX_FILES:
        raise JobFailedError(
            ErrorCode.CONTENT_UNSUPPORTED, f"{input_name}: {len(products):,} faces; at most {MAX_FILES - 1:,} are told."
        )
    return tuple(products)


def _stem(input_name: str) -> str:
    return PurePosixPath(input_name).stem
