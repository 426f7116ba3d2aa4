"""The output: a temporary neighbour of the destination, renamed into place when all went through."""

import contextlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from redactor.errors import ConfigurationUnsupported, RedactionError
from redactor.sound import sound
from redactor.source import AnyPacket, Source, VideoFacts

CONTAINERS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
FULL_RANGE: Final = 2
FRAME_DURATION_FLAG: Final = 1 << 8  # AV_CODEC_FLAG_FRAME_DURATION
INTERLACED_FLAGS: Final = 1 << 18 | 1 << 29  # AV_CODEC_FLAG_INTERLACED_DCT, AV_CODEC_FLAG_INTERLACED_ME


class Sink:
    """Use as a context: leaving it after `finish` publishes the file, leaving it otherwise removes it."""

    def __init__(self, destination: Path, source: Source, crf: int) -> None:
        facts = source.facts
        suffix = destination.suffix.lower()
        if suffix not in CONTAINERS:
            raise ConfigurationUnsupported(f"{destination.name}: the output's name must end in {', '.join(CONTAINERS)}")
        self.destination = destination
        self.pixel_format = output_pixel_format(facts)
        self.written = 0
        self._pictures = 0
        self._partial = destination.parent / f".{destination.name}.{secrets.token_hex(4)}.part"
        self._finished = False
        try:
            self._container: OutputContainer = av.open(
                f"file:{self._partial.absolute()}",
                "w",
                format=CONTAINERS[suffix],
                options={"movflags": "+faststart", "video_track_timescale": str(facts.time_base.denominator)},
            )
        except av.FFmpegError as error:
            raise ConfigurationUnsupported(f"{destination}: cannot be written ({error.strerror})") from error
        try:
            self._video = self._add_video(facts, crf)
            self._sounds = {s.index: sound(self._container, s, suffix) for s in source.audio}
            changes = [track.change for track in self._sounds.values() if track.change]
            self.converted = (*_conversions(facts, self.pixel_format), *changes)
            self._container.set_chapters(source.container.chapters())
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._finished and kind is None:
            self._partial.replace(self.destination)
        else:
            self._discard()

    def write_frame(self, frame: VideoFrame) -> None:
        """Encode a frame that has the output's pixel format."""
        frame.pict_type = 0  # the encoder chooses anew
        self._write_pictures(self._video.encode(frame))
        self.written += 1

    def write_audio(self, packet: AnyPacket) -> None:
        """Pass a packet of one of the source's audio streams on."""
        self._mux(self._sounds[packet.stream.index].write(packet))

    def finish(self) -> None:
        """Flush the encoder and write the index; the file is complete afterwards, and still unpublished."""
        self._write_pictures(self._video.encode(None))
        if self._pictures != self.written:
            raise RedactionError(f"{self.destination}: {self.written} frames went in, {self._pictures} came out")
        for track in self._sounds.values():
            self._mux(track.finish())
        try:
            self._container.close()
        except av.FFmpegError as error:
            raise RedactionError(f"{self.destination}: cannot be written ({error.strerror})") from error
        self._finished = True

    def _write_pictures(self, packets: Sequence[AnyPacket]) -> None:
        self._pictures += len(packets)  # H.264 and HEVC encoders make one packet of each frame
        self._mux(packets)

    def _mux(self, packets: Sequence[AnyPacket]) -> None:
        try:
            self._container.mux(packets)
        except av.FFmpegError as error:
            raise RedactionError(f"{self.destination}: cannot be written ({error.strerror})") from error

    def _discard(self) -> None:
        self._partial.unlink(missing_ok=True)
        # Closing writes a trailer into the file that is gone, and may fail over it.
        with contextlib.suppress(av.FFmpegError, ValueError):
            self._container.close()
        self._partial.unlink(missing_ok=True)

    def _add_video(self, facts: VideoFacts, crf: int) -> VideoStream:
        stream = self._container.add_stream(encoder(facts), rate=facts.rate, time_base=facts.time_base)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        stream.time_base = context.time_base = facts.time_base
        context.width, context.height = facts.width, facts.height
        context.pix_fmt = self.pixel_format
        context.color_range = FULL_RANGE if self.pixel_format.startswith("yuvj") else facts.color_range
        context.color_primaries, context.color_trc = facts.color_primaries, facts.color_trc
        context.colorspace = output_colorspace(facts)
        context.chroma_sample_location = facts.chroma_location
        if facts.aspect:
            context.sample_aspect_ratio = facts.aspect
        if facts.display_matrix is not None:
            stream.set_display_matrix(facts.display_matrix)
        context.flags |= FRAME_DURATION_FLAG  # or the last frame's duration would be guessed
        # Closed captions ride on frames; they go the way of subtitle streams.
        options = {"crf": str(crf), "a53cc": "0"}
        if encoder(facts) == "libx265":
            context.codec_tag = "hvc1"  # what Apple's players ask for
            options |= {"preset": "superfast", "x265-params": "log-level=error"}
        else:
            options |= {"preset": "veryfast"}
            if facts.interlaced:
                context.flags |= INTERLACED_FLAGS
        context.options = options
        return stream


def encoder(facts: VideoFacts) -> str:
    """HEVC stays HEVC; more than 8 bits go to HEVC too, since players take Main 10 where they refuse High 10."""
    return "libx265" if facts.codec == "hevc" or (_is_deep(facts) and facts.codec != "h264") else "libx264"


def output_pixel_format(facts: VideoFacts) -> str:
    """4:2:0 of the source's depth (8 or 10 bits) and range; 4:4:4 for odd sizes, which 4:2:0 cannot have."""
    sampling = "444" if facts.width % 2 or facts.height % 2 else "420"
    if _is_deep(facts):
        return f"yuv{sampling}p10le"
    return f"yuvj{sampling}p" if facts.pixel_format.startswith("yuvj") else f"yuv{sampling}p"


def output_colorspace(facts: VideoFacts) -> int:
    """RGB becomes YUV by swscale's matrix, BT.601; YUV keeps its own."""
    return 6 if _is_rgb(facts) else facts.colorspace


def _is_deep(facts: VideoFacts) -> bool:
    return any(component.bits > 8 for component in av.VideoFormat(facts.pixel_format).components)


def _is_rgb(facts: VideoFacts) -> bool:
    return av.VideoFormat(facts.pixel_format).is_rgb


def _conversions(facts: VideoFacts, pixel_format: str) -> tuple[str, ...]:
    changes: list[str] = []
    codec = "hevc" if encoder(facts) == "libx265" else "h264"
    if codec != facts.codec:
        changes.append(f"video codec {facts.codec} to {codec}")
    if pixel_format != facts.pixel_format:
        changes.append(f"pixel format {facts.pixel_format} to {pixel_format}")
    return tuple(changes)
