"""Contact sheets for review: frames of a video, or frames of an original above the same frames redacted."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.errors import ConfigurationUnsupported, ContentMalformed
from redactor.people.annotations import Annotations
from redactor.video.source import FORMATS

type Picture = NDArray[np.uint8]  # (height, width, 3), BGR

COLUMNS: Final = 4
CANDIDATES: Final = 16  # frames that are compared to find some with redacted regions
CELL: Final = 420  # pixels of a frame's longer side on the sheet
MARGIN: Final = 8
CAPTION: Final = 26
SEEK_SECONDS: Final = 5.0  # up to this distance, decode on instead of seeking
NOTICEABLE: Final = 24  # difference in grey levels, averaged over some pixels; encoding again causes less
PAPER, INK = 255, (60, 60, 60)
ROWS: Final = 2
OUTLINE: Final = (60, 220, 60)


@dataclass(frozen=True)
class Cell:
    caption: str
    picture: Picture


@dataclass(frozen=True)
class Pair:
    time: float  # seconds from the start
    original: Picture
    redacted: Picture

    @property
    def changed(self) -> bool:
        difference = cv2.cvtColor(cv2.absdiff(self.original, self.redacted), cv2.COLOR_BGR2GRAY)
        return bool(cv2.blur(difference, (9, 9)).max() > NOTICEABLE)


def check_output(output: Path) -> None:
    """Raise ConfigurationUnsupported if a picture cannot be written there. Call it before the long work."""
    if output.suffix.lower() != ".png":
        raise ConfigurationUnsupported(f"{output.name}: the picture's name must end in .png")
    if not output.parent.is_dir() or output.is_dir():
        raise ConfigurationUnsupported(f"{output}: cannot be written")


def write_comparison(original: Path, redacted: Path, output: Path) -> None:
    """Write `output`, a PNG of up to four frames with their times, spread over the frames that redaction changed.

    Memory does not grow with the video's length. Raises ContentMalformed and ConfigurationUnsupported.
    """
    check_output(output)
    with closing(_pairs(original, redacted)) as pairs:
        chosen = _choose(list(pairs))
    if not chosen:
        raise ContentMalformed(f"{redacted} has no frame in common with {original}")
    rows = [[Cell(f"original  {_clock(pair.time)}", pair.original) for pair in chosen]]
    rows.append([Cell(f"redacted  {_clock(pair.time)}", pair.redacted) for pair in chosen])
    _write(rows, output)


def write_preview(video: Path, output: Path, annotations: Annotations | None = None) -> None:
    """Write `output`, a PNG of up to eight frames of `video` with their times, evenly spread.

    Faces of `annotations` are outlined with their ids. Raises ContentMalformed and ConfigurationUnsupported.
    """
    check_output(output)
    count = ROWS * COLUMNS
    cells: list[Cell] = []
    with _Film(video) as film:
        for number in range(count):
            found = film.at(film.duration * (number + 0.5) / count)
            if found is None:
                break
            time, picture = found
            if annotations is not None:
                _outline(picture, annotations, Fraction(film.start + time))
            cells.append(Cell(_clock(time), picture))
    if not cells:
        raise ContentMalformed(f"{video} has no frame to show")
    _write([cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)], output)


def _outline(picture: Picture, annotations: Annotations, time: Fraction) -> None:
    height, width = picture.shape[:2]
    for event in annotations.at(time):
        box = event.box.stretched(width, height)
        left, top, right, bottom = (round(edge) for edge in (box.left, box.top, box.right, box.bottom))
        cv2.rectangle(picture, (left, top), (right, bottom), OUTLINE, 1, cv2.LINE_AA)
        place = (max(left, 0), max(top - 3, 10))
        cv2.putText(picture, str(event.id), place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, OUTLINE, 1, cv2.LINE_AA)


def _write(rows: Sequence[Sequence[Cell]], output: Path) -> None:
    unfinished = output.with_suffix(".partial.png")
    try:
        unfinished.write_bytes(cv2.imencode(".png", _sheet(rows))[1].tobytes())
        unfinished.replace(output)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ConfigurationUnsupported(f"{output}: cannot be written ({error.strerror})") from error


class _Film:
    """Random access to a video's frames by time, upright and scaled to a cell."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._container = av.open(
                f"file:{path.absolute()}",
                container_options={"protocol_whitelist": "file", "format_whitelist": FORMATS},
            )
        except (av.error.FFmpegError, OSError) as error:
            raise ContentMalformed(f"{path} cannot be opened as a video: {error}") from None
        if not self._container.streams.video:
            self._container.close()
            raise ContentMalformed(f"{path} has no video stream")
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
        """The stream's first time in seconds, which need not be 0."""
        return float((self._stream.start_time or 0) * (self._stream.time_base or 0))

    @property
    def duration(self) -> float:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return (self._container.duration or 0) / av.time_base

    def at(self, time: float) -> tuple[float, Picture] | None:
        """Return the first frame at or after `time` (seconds from the start) and its time, or None past the end."""
        try:
            if time - self._reached > SEEK_SECONDS and self._stream.time_base:
                self._container.seek(int((self.start + time) / self._stream.time_base), stream=self._stream)
                self._frames = self._container.decode(self._stream)
            for frame in self._frames:
                self._reached = (frame.time or 0.0) - self.start
                if self._reached >= time:
                    return self._reached, _upright(frame, self._aspect)
        except av.error.FFmpegError as error:
            raise ContentMalformed(f"{self._path} cannot be decoded at {self._reached:.1f} s: {error}") from None
        return None


def _pairs(original: Path, redacted: Path) -> Generator[Pair]:
    with _Film(original) as before, _Film(redacted) as after:
        for number in range(CANDIDATES):
            found = before.at(before.duration * (number + 0.5) / CANDIDATES)
            if found is None:
                return
            time, picture = found
            match = after.at(time - 0.0005)  # time bases differ, and their times are rounded
            if match is None:
                return
            if match[1].shape != picture.shape:  # sizes may differ by a pixel, by rounding
                match = match[0], _resized(match[1], picture.shape[1], picture.shape[0])
            yield Pair(time, picture, match[1])


def _upright(frame: av.VideoFrame, aspect: float) -> Picture:
    width, height = frame.width * aspect, float(frame.height)
    factor = CELL / max(width, height)
    size = {"width": max(2, round(width * factor)), "height": max(2, round(height * factor))}
    small = frame.reformat(**size, format="bgr24", interpolation="AREA").to_ndarray()
    # FFmpeg's rotation is the anticlockwise turn that shows the frame upright.
    return np.ascontiguousarray(np.rot90(small, round(frame.rotation / 90) % 4), np.uint8)


def _resized(picture: Picture, width: int, height: int) -> Picture:
    return np.asarray(cv2.resize(picture, (width, height)), np.uint8)


def _choose(candidates: Sequence[Pair]) -> list[Pair]:
    """Choose pairs spread evenly over the changed ones. Fill up with others if those are too few."""
    changed = [pair for pair in candidates if pair.changed]
    if len(changed) >= COLUMNS:
        return _spread(changed, COLUMNS)
    others = [pair for pair in candidates if not pair.changed]
    return sorted(changed + _spread(others, COLUMNS - len(changed)), key=lambda pair: pair.time)


def _spread(pairs: Sequence[Pair], count: int) -> list[Pair]:
    count = min(count, len(pairs))
    return [pairs[round((number + 0.5) * len(pairs) / count - 0.5)] for number in range(count)]


def _sheet(rows: Sequence[Sequence[Cell]]) -> Picture:
    height, width = rows[0][0].picture.shape[:2]
    down = len(rows) * (height + CAPTION + MARGIN)
    across = len(rows[0]) * (width + MARGIN) + MARGIN
    sheet: Picture = np.full((down, across, 3), PAPER, np.uint8)
    for row, cells in enumerate(rows):
        y = CAPTION + row * (height + CAPTION + MARGIN)
        for column, cell in enumerate(cells):
            x = MARGIN + column * (width + MARGIN)
            sheet[y : y + height, x : x + width] = cell.picture[:height, :width]
            cv2.putText(sheet, cell.caption, (x, y - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return sheet


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}"
