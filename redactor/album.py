"""What the first pass writes: an annotations file, and one thumbnail of each face."""

import secrets
import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np
from av.video.frame import VideoFrame

from redactor.annotations import AnnotationsWriter, Event
from redactor.errors import ConfigurationUnsupported
from redactor.geometry import Box
from redactor.picture import quarters_of
from redactor.source import VideoFacts
from redactor.tracking import Region

BETTER: Final = 1.25  # how much larger a face must be to replace its thumbnail
ROOM: Final = 1.6  # side of a thumbnail against its face's box
THUMBNAIL_SIDE: Final = 240  # pixels at most


class Album:
    """Use as a context, like a sink: `finish` makes it complete, and leaving it then publishes the files."""

    def __init__(self, folder: Path, stem: str, facts: VideoFacts) -> None:
        self._folder = folder
        self._stem = stem
        self._facts = facts
        self._quarters = quarters_of(facts.rotation)
        self._largest: dict[int, float] = {}
        self._finished = False
        self._partial = folder / f".{stem}.{secrets.token_hex(4)}.part"
        try:
            self._partial.mkdir()
            self._file = (self._partial / f"{stem}_annotations.json").open("w", encoding="utf-8")
        except OSError as error:
            raise ConfigurationUnsupported(f"{folder}: cannot be written ({error.strerror})") from error
        turned = self._quarters % 2 == 1
        width, height = (facts.height, facts.width) if turned else (facts.width, facts.height)
        self._writer = AnnotationsWriter(self._file, facts.time_base.denominator, float(facts.rate), width, height)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        try:
            if self._finished and kind is None:
                # Thumbnails first: whoever sees the annotations sees a complete album.
                for path in sorted(self._partial.iterdir(), key=lambda path: path.suffix == ".json"):
                    path.replace(self._folder / path.name)
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def add(self, frame: VideoFrame, regions: Sequence[Region]) -> None:
        """Note a frame's faces, and keep the larger ones' pictures."""
        assert frame.pts is not None
        across, down = 1 / frame.width, 1 / frame.height
        events = [Event(r.track, r.box.stretched(across, down).turned(self._quarters)) for r in regions]
        self._writer.add(frame.pts * self._facts.time_base.numerator, events)
        for region in regions:
            if region.seen and region.box.size > BETTER * self._largest.get(region.track, 0.0):
                self._largest[region.track] = region.box.size
                self._keep_thumbnail(frame, region)

    def finish(self) -> None:
        self._writer.finish(round(Fraction(self._facts.time_base.denominator) / self._facts.rate))
        self._finished = True

    def _keep_thumbnail(self, frame: VideoFrame, region: Region) -> None:
        picture = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
        x, y = region.box.centre
        half = max(region.box.width, region.box.height) * ROOM / 2
        cut = Box(max(x - half, 0), max(y - half, 0), min(x + half, frame.width), min(y + half, frame.height))
        crop = picture[int(cut.top) : int(cut.bottom), int(cut.left) : int(cut.right)]
        if not crop.size:
            return
        factor = min(1.0, THUMBNAIL_SIDE / max(crop.shape[:2]))
        small = cv2.resize(np.rot90(crop, self._quarters), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        path = self._partial / f"{self._stem}_thumb{region.track:06d}.jpg"
        path.write_bytes(cv2.imencode(".jpg", small)[1].tobytes())
