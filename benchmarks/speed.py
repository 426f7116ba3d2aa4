"""Measures the engine's speed side by side with a plain decode and encode with the same encoder settings.

    .venv/bin/python -m benchmarks.speed CLIP… [--rounds N] [--deface PYTHON]

Each round times every program once, so that other load slows all of them alike. The best round of each counts.
Processor time is printed too, since other load hardly changes it.
--deface names the Python of an environment with deface, which runs once, with --keep-audio.
"""

import argparse
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from av.video.frame import VideoFrame

from redactor import engine
from redactor.options import BlurType, Options
from redactor.video.sink import Sink
from redactor.video.source import Source


def plain(clip: Path, destination: Path) -> int:
    """Decode and encode, and copy the audio. Return the number of frames.

    The decoder uses its default number of threads. The engine uses one, so that damage is reported.
    """
    options = Options()
    with Source(clip) as source, Sink(destination, source, options.crf) as sink:
        source.video.codec_context.thread_type = "AUTO"
        for item in source.items():
            if isinstance(item, VideoFrame):
                sink.write_frame(item)
            else:
                sink.write_audio(item)
        sink.finish()
        return sink.written


def redacted(clip: Path, destination: Path) -> int:
    options = Options(blur_type=BlurType.HIGH)
    return engine.run(clip, destination, options, lambda _: None, threading.Event()).frames


def deface(python: str, clip: Path, destination: Path) -> None:
    command = [python, "-m", "deface.deface", str(clip), "--keep-audio", "-o", str(destination)]
    subprocess.run(command, check=True, capture_output=True)


CONTENDERS: dict[str, Callable[[Path, Path], int]] = {"plain transcode": plain, "engine": redacted}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--deface", metavar="PYTHON")
    arguments = parser.parse_args()
    for clip in arguments.clips:
        wall = dict.fromkeys(CONTENDERS, float("inf"))
        busy = dict.fromkeys(CONTENDERS, float("inf"))
        frames = 0
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out.mp4")
            for _ in range(arguments.rounds):
                for name, contender in CONTENDERS.items():
                    started, busy_before = time.perf_counter(), time.process_time()
                    frames = contender(clip, out)
                    wall[name] = min(wall[name], time.perf_counter() - started)
                    busy[name] = min(busy[name], time.process_time() - busy_before)
            print(f"{clip.name}: {frames} frames")
            for name in CONTENDERS:
                print(
                    f"  {name:16}{frames / wall[name]:6.1f} frames a second "
                    f"({wall['plain transcode'] / wall[name]:.2f} of plain), "
                    f"{1000 * busy[name] / frames:5.1f} ms of processor a frame"
                )
            if arguments.deface:
                started = time.perf_counter()
                deface(arguments.deface, clip, out)
                spent = time.perf_counter() - started
                times = spent / wall["engine"]
                print(f"  {'deface':16}{frames / spent:6.1f} frames a second; the engine is {times:.1f} times as fast")


if __name__ == "__main__":
    main()
