"""A picture that shows what redaction did: some frames of the original above the same frames redacted."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

type Picture = NDArray[np.uint8]  # (height, width, 3), BGR

COLUMNS = 4
CANDIDATES = 16  # frames looked at to find those with redacted regions
CELL = 420  # pixels that a frame's longer side gets
MARGIN = 8
CAPTION = 26
SEEK_SECONDS = 5.0  # nearer frames are reached by decoding on
NOTICEABLE = 24  # difference of grey levels, over some pixels; encoding again makes less
PAPER, INK = 255, (60, 60, 60)


class VideoError(Exception):
    """A file has no picture to show; one line that names it."""


@dataclass(frozen=True)
class Pair:
    time: float  # seconds from the start
    original: Picture
    redacted: Picture

    @property
    def changed(self) -> bool:
        difference = cv2.cvtColor(cv2.absdiff(self.original, self.redacted), cv2.COLOR_BGR2GRAY)
        return bool(cv2.blur(difference, (9, 9)).max() > NOTICEABLE)


def write_before_after(original: Path, redacted: Path, output: Path) -> None:
    """Write `output`, a PNG of up to four frames with their times, spread over those that redaction changed.

    Only a few small pictures are held at a time, however long the video. Raises VideoError.
    """
    with closing(_pairs(original, redacted)) as pairs:
        chosen = _choose(list(pairs))
    if not chosen:
        raise VideoError(f"{redacted} has no frame in common with {original}")
    unfinished = output.with_suffix(".partial.png")
    if not cv2.imwrite(str(unfinished), _sheet(chosen)):
        raise OSError(f"{output} cannot be written")
    unfinished.replace(output)


class _Film:
    """A video's frames by time, upright and scaled into a cell."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._container = av.open(path)
        except (av.error.FFmpegError, OSError) as error:
            raise VideoError(f"{path} cannot be opened as a video: {error}") from None
        if not self._container.streams.video:
            self._container.close()
            raise VideoError(f"{path} has no video stream")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._aspect = float(self._stream.sample_aspect_ratio or 1) or 1.0  # 0 when unknown
        self._frames = self._container.decode(self._stream)
        self._reached = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def start(self) -> float:
        """Seconds; a stream need not begin at nought."""
        return float((self._stream.start_time or 0) * (self._stream.time_base or 0))

    @property
    def duration(self) -> float:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return (self._container.duration or 0) / av.time_base

    def at(self, time: float) -> tuple[float, Picture] | None:
        """The first frame not before `time` (seconds from the start), and its own time; None past the end."""
        if time - self._reached > SEEK_SECONDS and self._stream.time_base:
            self._container.seek(int((self.start + time) / self._stream.time_base), stream=self._stream)
            self._frames = self._container.decode(self._stream)
        try:
            for frame in self._frames:
                self._reached = (frame.time or 0.0) - self.start
                if self._reached >= time:
                    return self._reached, _upright(frame, self._aspect)
        except av.error.FFmpegError as error:
            raise VideoError(f"{self._path} cannot be decoded at {self._reached:.1f} s: {error}") from None
        return None


def _pairs(original: Path, redacted: Path) -> Generator[Pair]:
    with _Film(original) as before, _Film(redacted) as after:
        for number in range(CANDIDATES):
            found = before.at(before.duration * (number + 0.5) / CANDIDATES)
            if found is None:
                return
            time, picture = found
            match = after.at(time - 0.0005)  # time bases differ, and round
            if match is None:
                return
            if match[1].shape != picture.shape:  # a pixel's difference by rounding
                match = match[0], _resized(match[1], picture.shape[1], picture.shape[0])
            yield Pair(time, picture, match[1])


def _upright(frame: av.VideoFrame, aspect: float) -> Picture:
    width, height = frame.width * aspect, float(frame.height)
    factor = CELL / max(width, height)
    size = {"width": max(2, round(width * factor)), "height": max(2, round(height * factor))}
    small = frame.reformat(**size, format="bgr24", interpolation="AREA").to_ndarray()
    # FFmpeg's angle says how far anticlockwise the frame is to be turned to be shown.
    return np.ascontiguousarray(np.rot90(small, round(frame.rotation / 90) % 4), np.uint8)


def _resized(picture: Picture, width: int, height: int) -> Picture:
    return np.asarray(cv2.resize(picture, (width, height)), np.uint8)


def _choose(candidates: Sequence[Pair]) -> list[Pair]:
    """Evenly spread over the changed ones; others only when those are too few."""
    changed = [pair for pair in candidates if pair.changed]
    if len(changed) >= COLUMNS:
        return _spread(changed, COLUMNS)
    others = [pair for pair in candidates if not pair.changed]
    return sorted(changed + _spread(others, COLUMNS - len(changed)), key=lambda pair: pair.time)


def _spread(pairs: Sequence[Pair], count: int) -> list[Pair]:
    count = min(count, len(pairs))
    return [pairs[round((number + 0.5) * len(pairs) / count - 0.5)] for number in range(count)]


def _sheet(pairs: Sequence[Pair]) -> Picture:
    height, width = pairs[0].original.shape[:2]
    rows = 2 * (height + CAPTION) + 2 * MARGIN
    columns = len(pairs) * (width + MARGIN) + MARGIN
    sheet: Picture = np.full((rows, columns, 3), PAPER, np.uint8)
    for column, pair in enumerate(pairs):
        x = MARGIN + column * (width + MARGIN)
        for row, (name, picture) in enumerate((("original", pair.original), ("redacted", pair.redacted))):
            y = CAPTION + row * (height + CAPTION + MARGIN)
            sheet[y : y + height, x : x + width] = picture[:height, :width]
            caption = f"{name}  {_clock(pair.time)}"
            cv2.putText(sheet, caption, (x, y - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return sheet


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}"
