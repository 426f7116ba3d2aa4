"""Measures whether the engine's memory grows with a video's length.

    .venv/bin/python -m benchmarks.memory CLIP [--minutes 30]

CLIP is repeated without encoding it again until it lasts that long, and redacted with the default settings. The
process's memory is printed after each minute of video, and the peak at the end. The first minute may use less than the
others, since buffers fill.
"""

import argparse
import resource
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

import redactor
from redactor.options import BlurType, Options
from redactor.results import Progress

type Sample = Packet[VideoStream]

PAGES = Path("/proc/self/statm")
MIB = 2**20


def repeat(clip: Path, destination: Path, seconds: float) -> None:
    """Write `clip`'s video repeatedly, sample by sample, until it lasts `seconds`."""
    with av.open(str(clip)) as source, av.open(str(destination), "w") as sink:
        copy = sink.add_stream_from_template(source.streams.video[0])
        for packet in _repeated(clip, seconds):
            packet.stream = copy
            sink.mux_one(packet)


def _repeated(clip: Path, seconds: float) -> Iterator[Sample]:
    begun = Fraction(0)
    for _ in count():
        lasts = Fraction(0)
        with av.open(str(clip)) as source:
            for packet in source.demux(source.streams.video[0]):
                if packet.pts is None or packet.dts is None:
                    continue
                base = packet.time_base
                lasts = max(lasts, (packet.pts + (packet.duration or 0)) * base)
                packet.pts, packet.dts = packet.pts + round(begun / base), packet.dts + round(begun / base)
                yield packet
        begun += lasts
        if begun >= seconds:
            return


def resident() -> int:
    """Return this process's resident memory in bytes."""
    return int(PAGES.read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--minutes", type=int, default=30)
    arguments = parser.parse_args()
    with av.open(str(arguments.clip)) as source:
        rate = source.streams.video[0].average_rate or Fraction(25)
    minute = round(60 * rate)

    def print_memory(progress: Progress) -> None:
        if progress.frame % minute == 0:
            print(f"minute {progress.frame // minute:3}: {resident() / MIB:5.0f} MiB", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        long, out = Path(folder, "long.mp4"), Path(folder, "out.mp4")
        repeat(arguments.clip, long, 60.0 * arguments.minutes)
        result = redactor.redact(long, out, Options(blur_type=BlurType.HIGH), print_memory)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{result.frames} frames of {result.width}x{result.height}, {result.frames_with_faces} with faces: "
        f"at most {most:.0f} MiB"
    )


if __name__ == "__main__":
    main()
