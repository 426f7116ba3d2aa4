"""Redacts damaged copies of small videos in ten containers, and verifies every output.

    .venv/bin/python -m benchmarks.mutations [--count 1000] [--first 0] [--containers mp4 mkv]

Bytes of a copy are changed at random, by a seed. Every fourth seed is redacted with `--damaged salvage`. Each redaction
is a process with limits of time and memory: one that exceeds them or ends by a signal is a failure. Each output is
verified against the damaged copy. One of damage that nobody noticed is verified against the undamaged video too.
Failures are printed with their seeds; a table closes the run. Exit code 1 means that there were failures.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from skimage import data

import redactor
from redactor import engine
from redactor.errors import ConfigurationUnsupported, ContentMalformed, ContentUnsupported
from redactor.options import Damaged, Options
from redactor.verification import run as verification

WIDTH, HEIGHT, RATE, FRAMES = 320, 180, 25, 10
FACE = (226.0, 135.0)  # its middle in the photograph
HEAD = 3000  # bytes in which most containers describe their content; half of the changes are there
SECONDS: Final = 60.0  # for one redaction or verification
MEMORY: Final = 3 * 2**30  # bytes of address space beyond what a new process has
MIB: Final = 2**20
LOADED: Final = (engine, verification)  # before the first fork, so that no process loads them again


@dataclass(frozen=True, slots=True)
class Kind:
    """A container with the codecs of its picture and sound."""

    suffix: str
    video: str
    audio: str
    pixel_format: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = (("b", "800k"),)
    sound_rate: int = 44100


KINDS: Final = (
    Kind("mp4", "libx264", "aac"),
    Kind("mov", "prores_ks", "pcm_s16le", "yuv422p10le", ()),
    Kind("mkv", "libx265", "flac", options=(("x265-params", "log-level=none"),)),
    Kind("webm", "libvpx-vp9", "libopus", options=(("b", "800k"), ("cpu-used", "8")), sound_rate=48000),
    Kind("avi", "mpeg4", "libmp3lame"),
    Kind("wmv", "wmv2", "wmav2"),
    Kind("ts", "mpeg2video", "mp2"),
    Kind("mpg", "mpeg2video", "mp2"),
    Kind("flv", "flv", "aac"),
    Kind("mxf", "mpeg2video", "pcm_s16le", sound_rate=48000),
)


def write(path: Path, kind: Kind) -> None:
    """Write 0.4 s of a face that crosses the picture, with a tone."""
    with av.open(str(path), "w") as sink:
        video = sink.add_stream(kind.video, rate=RATE, options=dict(kind.options))
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, kind.pixel_format
        audio = sink.add_stream(kind.audio, rate=kind.sound_rate, bit_rate=128_000)
        assert isinstance(audio, AudioStream)
        for number, picture in enumerate(pictures()):
            frame = VideoFrame.from_ndarray(picture, "rgb24").reformat(format=kind.pixel_format)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            sink.mux(video.encode(frame))
            sink.mux(audio.encode(tone(number, kind.sound_rate)))
        sink.mux(video.encode(None))
        sink.mux(audio.encode(None))


def written(path: Path, kind: Kind) -> dict[str, Any]:
    write(path, kind)
    return {"outcome": "written"}


def pictures() -> Iterator[NDArray[np.uint8]]:
    photograph = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    for number in range(FRAMES):
        share = number / (FRAMES - 1)
        scale = 0.45 + 0.15 * share
        x, y = WIDTH * (0.3 + 0.4 * share), HEIGHT * 0.5
        place = np.array([[scale, 0, x - scale * FACE[0]], [0, scale, y - scale * FACE[1]]], np.float32)
        picture = cv2.warpAffine(photograph, place, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderValue=(40, 60, 80))
        yield np.asarray(picture, np.uint8)


def tone(number: int, rate: int) -> AudioFrame:
    count = rate // RATE
    wave = 0.3 * np.sin((number * count + np.arange(count)) * 2 * np.pi * 440 / rate)
    frame = AudioFrame.from_ndarray(np.ascontiguousarray([wave, wave], np.float32), "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = rate, number * count, Fraction(1, rate)
    return frame


def mutated(original: bytes, chance: random.Random) -> bytes:
    """Return a copy with 1 to 20 changed bytes, or with a piece lost, doubled or overwritten."""
    changed = bytearray(original)
    match chance.choice(["bytes"] * 5 + ["lost", "doubled", "noise"]):
        case "bytes":
            for _ in range(chance.choice([1, 2, 5, 20])):
                reach = len(changed) if chance.random() < 0.5 else min(len(changed), HEAD)
                changed[chance.randrange(reach)] = chance.choice([0, 255, chance.randrange(256)])
        case how:
            at, size = chance.randrange(len(changed)), chance.choice([1, 16, 188, 1000, 5000])
            piece = changed[at : at + size]
            new = {"lost": b"", "doubled": bytes(piece) * 2, "noise": chance.randbytes(len(piece))}[how]
            changed[at : at + size] = new
    return bytes(changed)


@dataclass(frozen=True, slots=True)
class Ended:
    """A process's end: its answer, or the failure that took its place. `memory` is its peak in bytes."""

    answer: dict[str, Any] | None
    failure: str | None
    seconds: float
    memory: int


def apart(work: Callable[[], dict[str, Any]]) -> Ended:
    """Run `work` in a process of its own, with limits."""
    started = time.monotonic()
    read, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _answer(work, write_end)
    os.close(write_end)
    answer = b""
    late = False
    with open(read, "rb", buffering=0) as pipe:  # noqa: PTH123 — a descriptor
        while True:
            left = SECONDS - (time.monotonic() - started)
            if not select.select([pipe], [], [], max(0.0, left))[0]:
                late = True
                os.kill(child, signal.SIGKILL)
            part = pipe.read(65536)
            if not part:
                break
            answer += part
    _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    failure = None
    if late:
        failure = f"hang: not done after {SECONDS:.0f} s"
    elif code < 0:
        failure = f"signal: {signal.Signals(-code).name}"
    elif code or not answer:
        failure = f"exit {code} without an answer"
    said = json.loads(answer) if failure is None else None
    return Ended(said, failure, time.monotonic() - started, usage.ru_maxrss * 1024)


def _answer(work: Callable[[], dict[str, Any]], pipe: int) -> None:
    code = 1
    try:
        os.setsid()
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        said = json.dumps(work()).encode()
        with open(pipe, "wb", closefd=False) as answer:
            answer.write(said)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def redacted(source: Path, output: Path, damaged: Damaged) -> dict[str, Any]:
    try:
        result = redactor.redact(source, output, Options(damaged=damaged))
    except (ContentMalformed, ContentUnsupported) as error:
        return {"outcome": "refused", "said": str(error)}
    except Exception as error:
        return {"outcome": "failed", "said": f"{type(error).__name__}: {error}"}
    return {"outcome": "redacted", "frames": result.frames, "replaced": len(result.replaced)}


def verified(source: Path, output: Path) -> dict[str, Any]:
    try:
        found = redactor.verify(source, output)
    except ConfigurationUnsupported as error:
        return {"outcome": "not comparable", "said": str(error)}
    except Exception as error:
        return {"outcome": "failed", "said": f"{type(error).__name__}: {error}"}
    return {
        "outcome": "bare" if found.bare_faces else "covered",
        "said": "; ".join(f"frames {face.first_frame} to {face.last_frame}" for face in found.bare),
    }


def same_pictures(source: Path, clip: Path) -> dict[str, Any] | None:
    """Return an answer if both have the same pictures, so that one verification counts for both."""
    return {"outcome": "same pictures"} if decoded(source) == decoded(clip) else None


def decoded(path: Path) -> list[str] | None:
    try:
        with av.open(str(path)) as container:
            return [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in container.decode(video=0)]
    except (av.FFmpegError, ValueError):
        return None


@dataclass
class Tally:
    """The run's counts, in all and by container."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    memory: int = 0

    def add(self, kind: str, what: str) -> None:
        self.counts[kind, what] += 1

    def fail(self, kind: str, seed: int, what: str) -> None:
        self.failures.append(f"{kind} seed {seed}: {what}")
        print(self.failures[-1], flush=True)

    def ended(self, kind: str, seed: int, stage: str, end: Ended) -> dict[str, Any]:
        self.slowest, self.memory = max(self.slowest, end.seconds), max(self.memory, end.memory)
        if end.answer is None or end.answer["outcome"] == "failed":
            said = end.failure or (end.answer or {})["said"]
            self.fail(kind, seed, f"{stage}: {said}")
            return {"outcome": "failed"}
        return end.answer


def examine(kind: Kind, seed: int, clip: Path, folder: Path, tally: Tally) -> None:
    """Damage, redact and verify once."""
    damaged = Damaged.REFUSE if seed % 4 else Damaged.SALVAGE
    source, output = folder / f"damaged.{kind.suffix}", folder / "redacted.mp4"
    source.write_bytes(mutated(clip.read_bytes(), random.Random(f"{kind.suffix} {seed}")))  # noqa: S311
    said = tally.ended(kind.suffix, seed, "redact", apart(lambda: redacted(source, output, damaged)))
    tally.add(kind.suffix, said["outcome"])
    if said["outcome"] != "redacted":
        if output.exists():
            tally.fail(kind.suffix, seed, f"redact: {said['outcome']}, and an output appeared")
    else:
        checks = {"damaged copy": lambda: verified(source, output)}
        if damaged is Damaged.REFUSE:
            checks["undamaged video"] = lambda: same_pictures(source, clip) or verified(clip, output)
        for stage, work in checks.items():
            found = tally.ended(kind.suffix, seed, stage, apart(work))
            tally.add(kind.suffix, f"{stage}: {found['outcome']}")
            if found["outcome"] == "bare":
                tally.fail(kind.suffix, seed, f"{damaged}: bare against the {stage}: {found['said']}")
            if found["outcome"] == "not comparable" and stage == "damaged copy":
                tally.fail(kind.suffix, seed, f"{damaged}: {found['said']}")
    left = {path.name for path in folder.iterdir()} - {source.name, output.name, clip.name}
    if left:
        tally.fail(kind.suffix, seed, f"left behind: {sorted(left)}")
    output.unlink(missing_ok=True)


def report(tally: Tally, count: int) -> None:
    kinds = dict.fromkeys(kind for kind, _ in tally.counts)
    for what in sorted({what for _, what in tally.counts}):
        numbers = [tally.counts[kind, what] for kind in kinds]
        each = ", ".join(f"{kind} {number}" for kind, number in zip(kinds, numbers, strict=True) if number)
        print(f"{sum(numbers):6} {what}: {each}")
    print(
        f"{count} mutations, {len(tally.failures)} failures; "
        f"the slowest process took {tally.slowest:.1f} s, the largest {tally.memory / MIB:.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="mutations, over all containers")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    names = [kind.suffix for kind in KINDS]
    parser.add_argument("--containers", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    chosen = [kind for kind in KINDS if kind.suffix in arguments.containers]
    tally = Tally()
    done = 0
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(KeyboardInterrupt):
        for kind in chosen:
            folder = Path(name) / kind.suffix
            folder.mkdir()
            clip = folder / f"clip.{kind.suffix}"
            made = apart(partial(written, clip, kind))
            if made.failure:
                sys.exit(f"{clip.name}: {made.failure}")
        for number in range(arguments.count):
            kind = chosen[number % len(chosen)]
            folder = Path(name) / kind.suffix
            examine(kind, arguments.first + number // len(chosen), folder / f"clip.{kind.suffix}", folder, tally)
            done += 1
    report(tally, done)
    sys.exit(bool(tally.failures))


if __name__ == "__main__":
    main()
