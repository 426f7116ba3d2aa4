"""Redacts every file of a folder and prints a table, to test a collection of unusual videos.

    .venv/bin/python -m benchmarks.corpus FOLDER [--jobs 2] [--quality fast] [--damaged refuse] [--keep OUTDIR]

Each file is redacted by its own process, and the output is read. A row holds: the outcome; frames, and the output's
length beyond the frames read; the largest shift of sound against the picture, at start, middle and end; faces; seconds
and peak memory; and the conversions, replacements and omissions.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.packet import Packet
from numpy.typing import NDArray

from redactor.errors import RedactionError
from redactor.options import Damaged, Quality
from redactor.video.canvas import Canvas, Outgrown, largest
from redactor.video.facts import exact
from redactor.video.source import FORMATS, Source

STEP: Final = 0.005  # seconds between two samples of loudness
WINDOW: Final = 2.0  # seconds that are compared
REACH: Final = 0.5  # the largest shift of sound, in seconds
SILENT: Final = 1e-3
MIB: Final = 2**20
OUTCOMES: Final = {0: "redacted", 1: "failed", 2: "refused"}


@dataclass(frozen=True, slots=True)
class Row:
    """One file. `sync` is in seconds, or None without sound. `said` holds changes or the error."""

    file: str
    outcome: str
    frames: int = 0
    longer: float = 0.0
    sync: float | None = None
    faces: int = 0
    seconds: float = 0.0
    memory: int = 0
    said: tuple[str, ...] = ()

    def __str__(self) -> str:
        sync = "" if self.sync is None else f"{1000 * self.sync:+.0f} ms"
        line = f"{self.outcome:8} {self.frames:6} {self.longer:+8.3f} {sync:>8} {self.faces:5} {self.seconds:7.1f}"
        return "\n".join((f"{line} {self.memory // MIB:6}  {self.file}", *(f"{'':54}  {what}" for what in self.said)))


@dataclass(frozen=True, slots=True)
class Heard:
    """A file as the engine reads it: the frames' times, the last one's end, and loudness at each STEP."""

    times: list[float]
    end: float
    loudness: NDArray[np.float64]


def examine(path: Path, output: Path, arguments: argparse.Namespace) -> Row:
    """Redact one file to `output`."""
    command = [sys.executable, "-m", "redactor", "redact", path, output, "--json"]
    command += ["--quality", arguments.quality, "--damaged", arguments.damaged]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdout is not None
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    outcome = OUTCOMES.get(child.returncode, f"exit {child.returncode}")
    answer: dict[str, Any] = json.loads(said.splitlines()[-1]) if said else {}
    memory = usage.ru_maxrss * 1024
    if "result" not in answer:
        message = answer.get("error", {}).get("message", "no answer")
        return Row(path.name, outcome, memory=memory, said=(message,))
    result = answer["result"]
    said_of = [f"converted: {what}" for what in result["converted"]]
    said_of += [f"replaced: {one['frames']} frames from {one['start']:.3f} s" for one in result["replaced"]]
    said_of += [f"dropped: {what}" for what in result["dropped"]]
    before, after = heard(path, Damaged(arguments.damaged)), heard(output)
    if len(before.times) != len(after.times):
        said_of.append(f"FRAMES: {len(before.times)} were read, {len(after.times)} written")
    return Row(
        path.name,
        outcome,
        result["frames"],
        after.end - before.end,
        moved(before, after),
        result["faces"],
        result["seconds"],
        memory,
        tuple(said_of),
    )


def heard(path: Path, damaged: Damaged = Damaged.REFUSE) -> Heard:
    """Read a file as the engine does."""
    canvas: Canvas | None = None
    while True:
        try:
            return _heard(path, damaged, canvas)
        except Outgrown as outgrown:
            canvas = largest(path, FORMATS, outgrown.canvas)


def _heard(path: Path, damaged: Damaged, canvas: Canvas | None) -> Heard:
    times: list[float] = []
    end = 0.0
    loud: list[tuple[float, NDArray[np.float64]]] = []
    with Source(path, damaged, canvas) as source:
        sound = source.sounds[0] if source.sounds else None
        for item in source.items():
            if not isinstance(item, Packet):
                times.append(float((item.pts or 0) * source.facts.time_base))
                end = times[-1] + float(item.duration * source.facts.time_base)
            elif sound is not None and item.stream.index == sound.stream.index:
                try:
                    frames = sound.described.codec_context.decode(item)
                except av.FFmpegError:
                    continue
                loud += [found for frame in frames if (found := _levels(frame)) is not None]
    length = max([end, *(start + STEP * len(levels) for start, levels in loud)], default=0.0)
    loudness = np.zeros(round(length / STEP) + 2)
    for start, levels in loud:
        at = max(0, round(start / STEP))
        part = loudness[at : at + len(levels)]
        part[:] = np.maximum(part, levels[: len(part)])
    return Heard(times, end, loudness)


def _levels(frame: AudioFrame) -> tuple[float, NDArray[np.float64]] | None:
    if frame.pts is None or not frame.samples:
        return None
    samples = frame.to_ndarray().astype(np.float64)
    mono = samples.mean(axis=0) if frame.format.is_planar else samples.reshape(frame.samples, -1).mean(axis=1)
    scale = 1.0 if mono.dtype.kind == "f" and "flt" in frame.format.name else 2.0 ** (8 * frame.format.bytes - 1)
    size = max(1, round(STEP * frame.sample_rate))
    parts = [np.abs(mono[at : at + size]).max() / scale for at in range(0, len(mono), size)]
    return float(frame.pts * exact(frame.time_base)), np.array(parts)


def moved(before: Heard, after: Heard) -> float | None:
    """Return the sound's largest shift against the picture in seconds, or None without sound."""
    found = []
    if not before.times or not after.times or min(before.loudness.max(), after.loudness.max()) < SILENT:
        return None
    last = len(before.times) - 1
    for number in (0, last // 2, last):
        seen = before.times[number]
        picture = after.times[min(number, len(after.times) - 1)] - seen
        lag = _lag(before.loudness, after.loudness, seen)
        if lag is not None:
            found.append(lag - picture)
    return max(found, key=abs, default=None)


def _lag(before: NDArray[np.float64], after: NDArray[np.float64], around: float) -> float | None:
    """Return the seconds by which `after` lags behind `before` at that time, by cross-correlation."""
    reach, half = round(REACH / STEP), round(WINDOW / STEP / 2)
    middle = min(max(round(around / STEP), half), max(half, len(before) - half))
    one = _cut(before, middle - half, middle + half)
    if one.max() - one.min() < SILENT:
        return None
    one = one - one.mean()
    scores = []
    for shift in range(-reach, reach + 1):
        other = _cut(after, middle - half + shift, middle + half + shift)
        other = other - other.mean()
        scores.append(float(one @ other) / max(float(np.linalg.norm(other)), SILENT))
    best = max(range(len(scores)), key=lambda n: (round(scores[n], 9), -abs(n - reach)))
    return (best - reach) * STEP


def _cut(levels: NDArray[np.float64], start: int, end: int) -> NDArray[np.float64]:
    return np.array([levels[n] if 0 <= n < len(levels) else 0.0 for n in range(start, end)])


def examined(arguments: argparse.Namespace, outputs: Path) -> Iterator[Row]:
    files = sorted(path for path in arguments.folder.rglob("*") if path.is_file() and not path.name.startswith("."))

    def one(numbered: tuple[int, Path]) -> Row:
        number, path = numbered
        try:
            return examine(path, outputs / f"{number}_{path.stem[:200]}.mp4", arguments)
        except (RedactionError, av.FFmpegError, OSError) as error:
            return Row(path.name, "unreadable", said=(str(error),))

    with ThreadPoolExecutor(arguments.jobs) as pool:
        yield from pool.map(one, enumerate(files))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=1, help="files at a time")
    parser.add_argument("--quality", choices=list(Quality), default=Quality.FAST)
    parser.add_argument("--damaged", choices=list(Damaged), default=Damaged.REFUSE)
    parser.add_argument("--keep", type=Path, help="a folder for the outputs, which are removed otherwise")
    arguments = parser.parse_args()
    outcomes: Counter[str] = Counter()
    worst = 0.0
    print(f"{'outcome':8} {'frames':>6} {'longer':>8} {'sync':>8} {'faces':>5} {'seconds':>7} {'MiB':>6}  file")
    with tempfile.TemporaryDirectory() as folder:
        for row in examined(arguments, arguments.keep or Path(folder)):
            outcomes[row.outcome] += 1
            worst = max(worst, abs(row.sync or 0.0))
            print(row, flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()), end="")
    print(f"; the sound moved by {1000 * worst:.0f} ms at most")


if __name__ == "__main__":
    main()
