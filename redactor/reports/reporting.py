"""Progress and summaries: for people on standard error, for programs on standard output."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from redactor.reports import doubtful_places
from redactor.results import Progress, Result

LEAST_INTERVAL: Final = 0.1  # seconds between two progress lines


class ProgressStyle(StrEnum):
    AUTO = "auto"
    BAR = "bar"
    JSON = "json"
    NONE = "none"


def to_json(result: Result) -> dict[str, Any]:
    """Return a result as the JSON object that scripts and the media service's worker read."""
    return {
        "frames": result.frames,
        "framesWithFaces": result.frames_with_faces,
        "faces": result.faces,
        "tracks": result.tracks,
        "detections": result.detections,
        "seconds": round(result.seconds, 3),
        "framesPerSecond": round(result.frames / result.seconds, 2),
        "stageSeconds": {name: round(seconds, 3) for name, seconds in asdict(result.stages).items()},
        "width": result.width,
        "height": result.height,
        "audioStreams": result.audio_streams,
        "dropped": list(result.dropped),
        "converted": list(result.converted),
        "replaced": [asdict(one) for one in result.replaced],
        "warnings": list(result.doubts.warnings),
        "doubtfulPlaces": result.doubts.count,
        "doubtful": doubtful_places.to_json(result.doubts),
    } | ({} if result.decisions is None else {"decisions": asdict(result.decisions)})


def emit(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def summary_line(destination: Path, result: Result, *, identified: bool) -> str:
    """Return the first line of `summary`, with the number of doubtful places."""
    line = summary(destination, result, identified=identified).partition("\n")[0]
    doubtful = result.doubts.count
    return f"{line}, {_counted(doubtful, 'doubtful place', 'doubtful places')}" if doubtful else line


def summary(destination: Path, result: Result, *, identified: bool) -> str:
    """Return the text for people. `identified` is True if one person's faces share an id."""
    if not identified:
        found = _counted(result.tracks, "face track", "face tracks")
    else:
        found = _counted(result.faces, "person", "people")
        found += f" ({_counted(result.tracks, 'face track', 'face tracks')})" if result.tracks else ""
    lines = [
        f"{destination}: {result.frames} frames in {result.seconds:.1f} s, {found} in {result.frames_with_faces} frames"
    ]
    lines += [f"left out: {name}" for name in result.dropped]
    lines += [f"converted: {name}" for name in result.converted]
    lines += [
        f"replaced: {one.frames} damaged frames from {one.start:.3f} to {one.end:.3f} s" for one in result.replaced
    ]
    lines += [f"warning: {text}" for text in result.doubts.warnings]
    if result.doubts.count:
        reasons = Counter(place.reason.value for place in result.doubts.places)
        named = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        lines.append(f"{_counted(result.doubts.count, 'doubtful place', 'doubtful places')} to look at: {named}")
    return "\n".join(lines)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


@contextmanager
def reporter(style: ProgressStyle, activity: str = "redacting") -> Iterator[Callable[[Progress], None]]:
    if style is ProgressStyle.JSON:
        yield _json_reporter()
    elif style is ProgressStyle.BAR or (style is ProgressStyle.AUTO and sys.stderr.isatty()):
        with _bar(activity) as report:
            yield report
    else:
        yield lambda _: None


def _json_reporter() -> Callable[[Progress], None]:
    last = 0.0

    def report(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LEAST_INTERVAL:
            last = now
            emit({"progress": round(progress.percent, 2), "frame": progress.frame, "frames": progress.frames})

    return report


@contextmanager
def _bar(activity: str) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn(activity),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[frames]} frames, {task.fields[rate]:.0f} a second"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(activity, total=100, rate=0.0, frames=0)

        def report(progress: Progress) -> None:
            rate = progress.frame / max(time.monotonic() - started, 1e-3)
            bar.update(task, completed=progress.percent, frames=progress.frame, rate=rate)

        yield report
