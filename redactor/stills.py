"""Redacts a still picture: JPEG or PNG in, the same out, without metadata.

The picture is analysed as a short film of itself, with which coverage was measured. Only the pixels under the masks are
replaced.
"""

import os
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.drafts import draft_path, hold
from redactor.errors import ConfigurationUnsupported, ContentMalformed, ContentUnsupported, RedactionError
from redactor.faces.analysis import Analysis
from redactor.faces.effort import margin
from redactor.faces.tracking import Region
from redactor.kinds import STILLS, is_still
from redactor.masks.blur import Painter
from redactor.options import Options
from redactor.results import Doubts, Result, Stages
from redactor.video.facts import VideoFacts

FRAMES: Final = 12  # of the film
RATE: Final = Fraction(25)
MOST_PIXELS: Final = 2**28  # a decoded picture of 1 GB
QUALITY: Final = [
    cv2.IMWRITE_JPEG_QUALITY,
    95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]

type Picture = NDArray[np.uint8]  # (height, width, 3 or 4), BGR


def redact(source: Path, destination: Path, options: Options) -> Result:
    """See `redactor.redact`."""
    started = time.monotonic()
    if not is_still(destination):
        raise ConfigurationUnsupported(
            f"{destination.name}: {source.name} is a still picture, so the output's name must end in "
            f"{', '.join(STILLS)}"
        )
    if options.annotations is not None or options.decisions is not None:
        raise ConfigurationUnsupported(f"{source.name}: annotations and decisions are for videos, not for stills")
    picture = _read(source)
    decoded = time.monotonic()
    analysis = Analysis(_facts(picture), options)
    regions = _regions(analysis, picture)
    doubts = analysis.doubts()
    analysed = time.monotonic()
    _cover(picture, regions, Painter(options.blur_type, margin(options)))
    covered = time.monotonic()
    _write(destination, picture)
    ended = time.monotonic()
    return Result(
        frames=1,
        frames_with_faces=int(bool(regions)),
        faces=len(regions),
        tracks=len(regions),
        detections=len(regions),
        seconds=ended - started,
        stages=Stages(decoded - started, analysed - decoded, covered - analysed, ended - covered),
        width=picture.shape[1],
        height=picture.shape[0],
        audio_streams=0,
        dropped=("metadata",),
        doubts=Doubts(warnings=doubts.warnings),
    )


def _read(path: Path) -> Picture:
    """Read a picture upright. Its orientation is part of the metadata, and is applied."""
    coded = np.fromfile(path, np.uint8)
    upright = _decoded(coded, cv2.IMREAD_COLOR)
    if upright is None:
        raise ContentMalformed(f"{path.name}: not a picture this engine reads (JPEG, PNG)")
    if upright.shape[0] * upright.shape[1] > MOST_PIXELS:
        raise ContentUnsupported(
            f"{path.name}: {upright.shape[1]}x{upright.shape[0]} is more than {MOST_PIXELS} pixels"
        )
    whole = _decoded(coded, cv2.IMREAD_UNCHANGED)
    if whole is not None and whole.ndim == 3 and whole.shape[2] == 4 and whole.dtype == np.uint8:
        if whole.shape[:2] == upright.shape[:2]:
            return np.ascontiguousarray(np.dstack([upright, whole[:, :, 3]]))
        raise ContentUnsupported(f"{path.name}: is transparent and turned, which is not supported together")
    return upright


def _decoded(coded: NDArray[np.uint8], flags: int) -> NDArray[np.uint8] | None:
    try:
        picture = cv2.imdecode(coded, flags) if coded.size else None
    except cv2.error:  # larger than OpenCV allows
        return None
    return None if picture is None else np.asarray(picture)


def _facts(picture: Picture) -> VideoFacts:
    height, width = picture.shape[:2]
    return VideoFacts(
        codec="still",
        pixel_format="yuv444p",
        width=width,
        height=height,
        time_base=1 / RATE,
        rate=RATE,
        frames=FRAMES,
        aspect=Fraction(1),
        rotation=0,
        display_matrix=None,
        color_range=1,
        color_primaries=2,
        color_trc=2,
        colorspace=2,
        chroma_location=0,
        interlaced=False,
        bottom_first=False,
    )


def _regions(analysis: Analysis, picture: Picture) -> tuple[Region, ...]:
    """Return the regions of the film's middle frame."""
    found = [item.regions for item in analysis.run(_film(picture)) if not isinstance(item, Packet)]
    return found[len(found) // 2]


def _film(picture: Picture) -> Iterator[VideoFrame]:
    still = _frame(picture)
    for number in range(FRAMES):
        frame = VideoFrame.from_ndarray(still.to_ndarray(), "yuv444p")
        frame.pts, frame.time_base, frame.duration = number, 1 / RATE, 1
        yield frame


def _frame(picture: Picture) -> VideoFrame:
    return VideoFrame.from_ndarray(np.ascontiguousarray(picture[:, :, :3]), "bgr24").reformat(format="yuv444p")


def _cover(picture: Picture, regions: tuple[Region, ...], painter: Painter) -> None:
    """Replace the pixels under the masks, in place. Conversion to YUV and back changes no other pixel."""
    if not regions:
        return
    frame = _frame(picture)
    before = np.asarray(frame.to_ndarray(), np.uint8).copy()
    painter.draw(frame, regions)
    after = np.asarray(frame.to_ndarray(), np.uint8)
    changed = (before != after).any(axis=0)
    drawn = frame.reformat(format="bgr24").to_ndarray()
    picture[:, :, :3][changed] = drawn[changed]


def _write(destination: Path, picture: Picture) -> None:
    """Write the file completely or not at all."""
    suffix = destination.suffix.lower()
    opaque = np.ascontiguousarray(picture[:, :, :3]) if suffix != ".png" else picture
    coded = cv2.imencode(suffix, opaque, QUALITY if suffix != ".png" else [])[1]
    draft = draft_path(destination.parent)
    try:
        held = hold(draft)
    except OSError as error:
        raise ConfigurationUnsupported(f"{destination}: cannot be written ({error.strerror})") from error
    try:
        draft.write_bytes(coded.tobytes())
        draft.replace(destination)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RedactionError(f"{destination}: cannot be written ({error.strerror})") from error
    finally:
        os.close(held)
