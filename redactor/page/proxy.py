"""A version of a video that every browser plays, and in which it finds each frame quickly: H.264, at most 720 lines.

Frames keep their times. It is for looking at: the redaction reads the input.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from redactor.errors import Cancelled
from redactor.options import Damaged
from redactor.results import Progress
from redactor.video.canvas import Canvas, Outgrown, largest
from redactor.video.restarts import AnyPacket
from redactor.video.source import FORMATS, Source

LONGER, SHORTER = 1280, 720  # pixels, the largest sides
KEYFRAMES: Final = 12  # frames between two, so that a seek decodes few
PLAYED_CONTAINERS: Final = frozenset({".mp4", ".m4v", ".mov", ".webm"})
PLAYED: Final = frozenset({"h264", "vp8", "vp9", "av1"})
PLAYED_FORMATS: Final = frozenset({"yuv420p", "yuvj420p"})
COPIED: Final = frozenset({"aac", "mp3", "opus"})


def is_needed(path: Path) -> bool:
    """Return True if browsers may not play the file itself."""
    with Source(path, Damaged.SALVAGE) as source:
        facts = source.facts
        played = facts.codec in PLAYED and facts.pixel_format in PLAYED_FORMATS
        return path.suffix.lower() not in PLAYED_CONTAINERS or not played or facts.interlaced


def write(path: Path, destination: Path, report: Callable[[Progress], None], cancel: threading.Event) -> None:
    """Write the version beside its final place, and move it there."""
    partial = destination.with_name(f".{destination.name}.part")
    canvas: Canvas | None = None
    try:
        while True:
            try:
                _write(path, partial, canvas, report, cancel)
                break
            except Outgrown as outgrown:
                canvas = largest(path, FORMATS, outgrown.canvas)
        partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)


def _write(
    path: Path, partial: Path, canvas: Canvas | None, report: Callable[[Progress], None], cancel: threading.Event
) -> None:
    with Source(path, Damaged.SALVAGE, canvas) as source, av.open(str(partial), "w", format="mp4") as container:
        facts = source.facts
        video = container.add_stream(
            "libx264", rate=facts.rate, options={"crf": "23", "preset": "superfast", "bf": "0"}
        )
        assert isinstance(video, VideoStream)
        video.width, video.height = _size(facts.width, facts.height)
        video.pix_fmt = "yuv420p"
        video.codec_context.gop_size = KEYFRAMES
        video.codec_context.time_base = video.time_base = facts.time_base
        if facts.aspect:
            video.codec_context.sample_aspect_ratio = facts.aspect
        if facts.rotation:
            video.set_display_rotation(facts.rotation)
        track = _Track.of(source, container)
        frames = 0
        for item in source.items():
            if cancel.is_set():
                raise Cancelled("stopped")
            if isinstance(item, Packet):
                if track is not None:
                    container.mux(list(track.packets(item)))
                continue
            reduced = item.reformat(width=video.width, height=video.height, format="yuv420p")
            reduced.pts, reduced.time_base = item.pts, facts.time_base
            container.mux(video.encode(_plain(reduced)))
            frames += 1
            share = frames / facts.frames if facts.frames else source.share_read
            report(Progress(frames, facts.frames, min(99.9, 100 * share)))
        container.mux(video.encode(None))
        if track is not None:
            container.mux(list(track.rest()))


def _plain(frame: VideoFrame) -> VideoFrame:
    """Let the encoder choose the kind of picture."""
    frame.pict_type = 0
    return frame


def _size(width: int, height: int) -> tuple[int, int]:
    longer, shorter = max(width, height), min(width, height)
    factor = min(1.0, LONGER / longer, SHORTER / shorter)
    return max(2, round(width * factor / 2) * 2), max(2, round(height * factor / 2) * 2)


class _Track:
    """The first stream of sound, copied if browsers play its codec, else encoded anew."""

    def __init__(self, source: AudioStream, target: AudioStream, *, copied: bool) -> None:
        self._source = source
        self._target = target
        self._copied = copied
        self._resampler = AudioResampler("fltp", "stereo", source.rate)

    @classmethod
    def of(cls, source: Source, container: OutputContainer) -> "_Track | None":
        if not source.sounds:
            return None
        sound = source.sounds[0]
        context = sound.described.codec_context
        copied = context is not None and context.name in COPIED and not sound.changes
        if copied:
            target = container.add_stream_from_template(sound.described)
        else:
            target = container.add_stream("aac", rate=sound.described.rate)
        assert isinstance(target, AudioStream)
        return cls(sound.stream, target, copied=copied)

    def packets(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        if packet.stream is not self._source:
            return
        if self._copied:
            packet.stream = self._target
            yield packet
            return
        for frame in packet.decode():
            for resampled in self._resampler.resample(frame):  # type: ignore[arg-type]
                yield from self._target.encode(resampled)

    def rest(self) -> Iterator[AnyPacket]:
        if not self._copied:
            for resampled in self._resampler.resample(None):
                yield from self._target.encode(resampled)
            yield from self._target.encode(None)
