"""The output: a temporary file beside the destination, renamed into place when it is complete."""

import contextlib
import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from redactor.drafts import draft_path, hold
from redactor.errors import ConfigurationUnsupported, ContentMalformed, ContentUnsupported, RedactionError
from redactor.version import __version__
from redactor.video.facts import VideoFacts
from redactor.video.faststart import index_first
from redactor.video.hdr import Hdr10, hdr10
from redactor.video.repairs import Repairs
from redactor.video.restarts import AnyPacket
from redactor.video.salvage_note import SalvageNote
from redactor.video.silence import Silences
from redactor.video.sound import sound
from redactor.video.source import Source
from redactor.video.track_length import TrackLength

CONTAINERS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
# Where players show the program that wrote a file. FFmpeg reserves QuickTime's place for itself.
WRITER_TAGS: Final = {"mp4": "encoding_tool", "mov": "comment"}
FULL_RANGE: Final = 2
LEAST_HEVC_SIDE: Final = 16  # x265 crashes on smaller pictures
X265_LOG: Final = "log-level=error"
X265_DELAY: Final = 2  # pictures; of videos that are no longer, x265 leaves the decoding times uninitialised
FRAME_DURATION_FLAG: Final = 1 << 8  # AV_CODEC_FLAG_FRAME_DURATION
MOST_THREADS: Final = 8
NOTHING_SILENCED: Final = Silences(())
INTERLACED_FLAGS: Final = 1 << 18 | 1 << 29  # AV_CODEC_FLAG_INTERLACED_DCT, AV_CODEC_FLAG_INTERLACED_ME


class Sink:
    """A context: leaving it after `finish` publishes the file, leaving it otherwise removes the file."""

    def __init__(self, destination: Path, source: Source, crf: int, silences: Silences = NOTHING_SILENCED) -> None:
        facts = source.facts
        suffix = destination.suffix.lower()
        if suffix not in CONTAINERS:
            raise ConfigurationUnsupported(f"{destination.name}: the output's name must end in {', '.join(CONTAINERS)}")
        if encoder(facts) == "libx265" and min(facts.width, facts.height) < LEAST_HEVC_SIDE:
            raise ContentUnsupported(
                f"{source.path.name}: {facts.width}x{facts.height} is too small for the HEVC encoder, "
                f"allowed: {LEAST_HEVC_SIDE}x{LEAST_HEVC_SIDE} and more"
            )
        self.destination, self._source_name = destination, source.path.name
        self.pixel_format = output_pixel_format(facts)
        self.written = 0
        self._bottom_first = facts.bottom_first
        self._packets = 0
        self._track_length = TrackLength()
        self._hdr = Hdr10()
        self._held_audio: list[AnyPacket] = []
        self._partial = draft_path(destination.parent)
        self._finished = False
        self._repairs = Repairs()
        self._replaced = source.replaced
        self._note = SalvageNote() if source.salvages else None
        try:
            self._held = hold(self._partial)
        except OSError as error:
            raise ConfigurationUnsupported(f"{destination}: cannot be written ({error.strerror})") from error
        try:
            self._container: OutputContainer = av.open(
                f"file:{self._partial.absolute()}",
                "w",
                format=CONTAINERS[suffix],
                options={"video_track_timescale": str(facts.time_base.denominator)},
            )
        except av.FFmpegError as error:
            self._partial.unlink(missing_ok=True)
            os.close(self._held)
            raise ConfigurationUnsupported(f"{destination}: cannot be written ({error.strerror})") from error
        try:
            self._video = self._add_video(facts, crf)
            self._sounds = {
                track.stream.index: sound(
                    self._container, track, suffix, self._repairs, silences, salvages=source.salvages
                )
                for track in source.sounds
            }
            changes = [track.change for track in self._sounds.values() if track.change]
            self._conversions = (*_conversions(facts, self.pixel_format), *changes)
            self._container.metadata[WRITER_TAGS[CONTAINERS[suffix]]] = f"redactor {__version__}"
            if self._note is not None:
                self._container.metadata["comment"] = self._note.placeholder
            self._container.set_chapters(source.container.chapters())
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished or kind is not None:
            self._discard()
            return
        try:
            self._partial.replace(self.destination)
        except OSError as failure:
            self._discard()
            raise RedactionError(f"{self.destination}: cannot be written ({failure.strerror})") from failure
        os.close(self._held)

    @property
    def converted(self) -> tuple[str, ...]:
        """Descriptions of conversions. Complete after `finish`."""
        return (*self._conversions, *self._repairs.described(Fraction(0)))

    def write_frame(self, frame: VideoFrame) -> None:
        """Encode a frame in the output's pixel format."""
        frame.pict_type = 0  # the encoder chooses its own picture types
        if not self.written:
            self._prepare(frame)
        self._write_pictures(self._encoded(frame))
        self.written += 1
        if self._held_audio:
            held, self._held_audio = self._held_audio, []
            for packet in held:
                self.write_audio(packet)

    def write_audio(self, packet: AnyPacket) -> None:
        """Write a packet of one of the source's audio streams."""
        if not self.written:  # writing opens the encoder, whose options need the first frame
            self._held_audio.append(packet)
            return
        self._mux(self._sounds[packet.stream.index].write(packet))

    def finish(self, checkpoint: Callable[[], None] = lambda: None) -> None:
        """Flush the encoder and write the index. Afterwards the file is complete but not yet published.

        This takes a while for a large file. `checkpoint` is called regularly, and may raise to stop.
        """
        last = self._encoded(None)
        if self._video.codec_context.name == "libx265" and self.written <= X265_DELAY:
            _decode_in_order(last)
        self._write_pictures(last)
        if self._packets != self.written:
            raise RedactionError(f"{self.destination}: {self.written} frames went in, {self._packets} came out")
        self._mux(self._track_length.finish())
        for track in self._sounds.values():
            self._mux(track.finish())
        try:
            self._container.close()
        except av.FFmpegError as error:
            raise self._failure(error) from error
        try:
            note = (self._note.placeholder, self._note.text(self._replaced)) if self._note else ("", "")
            index_first(self._partial, checkpoint, self._hdr.boxes(), note)
        except OSError as error:
            raise RedactionError(f"{self.destination}: cannot be written ({error.strerror})") from error
        self._finished = True

    def _prepare(self, first: VideoFrame) -> None:
        """Set the options that need a decoded frame. The encoder is not open yet."""
        context = self._video.codec_context
        self._hdr = hdr10(first)
        if context.name == "libx265":
            key, wanted = "x265-params", [X265_LOG]
            wanted += self._hdr.options("master-display", "max-cll")
        else:
            key, wanted = "x264-params", ["bff=1"] if self._bottom_first and first.interlaced_frame else []
            wanted += self._hdr.options("mastering-display", "cll")
            if first.interlaced_frame:
                context.flags |= INTERLACED_FLAGS
        context.options = {**context.options, key: ":".join(wanted)}

    def _encoded(self, frame: VideoFrame | None) -> Sequence[AnyPacket]:
        try:
            return self._video.encode(frame)
        except av.FFmpegError as error:
            context = self._video.codec_context
            what = f"{context.width}x{context.height} in {self.pixel_format} cannot be encoded by {context.name}"
            kind = RedactionError if self.written else ContentUnsupported  # the first frame opens the encoder
            raise kind(f"{self.destination}: {what} ({error.strerror})") from error

    def _write_pictures(self, packets: Sequence[AnyPacket]) -> None:
        self._packets += len(packets)  # H.264 and HEVC encoders make one packet of each frame
        for packet in packets:
            self._mux(self._track_length.add(packet))

    def _mux(self, packets: Sequence[AnyPacket]) -> None:
        try:
            self._container.mux(packets)
        except av.FFmpegError as error:
            raise self._failure(error) from error

    def _failure(self, error: av.FFmpegError) -> RedactionError:
        """Return what a failure to write means: streams with a damaged description are the input's mistake."""
        if isinstance(error, av.InvalidDataError):
            return ContentMalformed(f"{self._source_name}: a stream's description is damaged ({error.strerror})")
        return RedactionError(f"{self.destination}: cannot be written ({error.strerror})")

    def _discard(self) -> None:
        self._partial.unlink(missing_ok=True)
        # Closing writes a trailer to the removed file, and may fail.
        with contextlib.suppress(av.FFmpegError, ValueError):
            self._container.close()
        self._partial.unlink(missing_ok=True)
        os.close(self._held)

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
        context.flags |= FRAME_DURATION_FLAG  # otherwise the last frame's duration is guessed
        # Closed captions are side data of frames. They are omitted like subtitle streams.
        options = {"crf": str(crf), "a53cc": "0"}
        if encoder(facts) == "libx265":
            context.codec_tag = "hvc1"  # required by Apple's players
            options |= {"preset": "superfast"}
        else:
            options |= {"preset": "veryfast"}
            # PyAV's default, slices, compresses worse and leaves cores idle between frames. Each thread holds a frame.
            context.thread_type, context.thread_count = "FRAME", min(os.process_cpu_count() or 1, MOST_THREADS)
        context.options = options
        return stream


def _decode_in_order(packets: Sequence[AnyPacket]) -> None:
    """Derive the decoding times of a whole video from the times that its pictures are shown."""
    shown = [packet.pts or 0 for packet in packets]
    early = max((time - own for time, own in zip(sorted(shown), shown, strict=True)), default=0)
    for packet, time in zip(packets, sorted(shown), strict=True):
        packet.dts = time - early


def encoder(facts: VideoFacts) -> str:
    """Choose the encoder: HEVC stays HEVC, and more than 8 bits become HEVC, unless the source is H.264.

    Many players support HEVC Main 10 but not H.264 High 10. Interlaced video always becomes H.264, because x265 has no
    frames of two fields.
    """
    deep = _bits(facts) > 8 and facts.codec != "h264" and not facts.interlaced
    return "libx265" if facts.codec == "hevc" or deep else "libx264"


def output_pixel_format(facts: VideoFacts) -> str:
    """Choose the pixel format: the source's range, and its depth and chroma sampling where players support them.

    H.264, HEVC and all formats with more than 8 bits keep their sampling. The others become 4:2:0, which every player
    supports, except odd sizes, which 4:2:0 cannot have.
    """
    bits = _bits(facts)
    depth = 8 if bits == 8 else 10 if bits <= 10 or encoder(facts) == "libx264" else 12
    keeps = facts.codec in {"h264", "hevc"} or bits > 8
    sampling = _sampling(facts) if keeps else "420"
    if facts.width % 2 or (facts.height % 2 and sampling == "420"):
        sampling = "444"
    if depth > 8:
        return f"yuv{sampling}p{depth}le"
    return f"yuvj{sampling}p" if facts.pixel_format.startswith("yuvj") else f"yuv{sampling}p"


def output_colorspace(facts: VideoFacts) -> int:
    """Return the matrix: BT.601 for RGB, which swscale converts by it; YUV keeps its own."""
    return 6 if _is_rgb(facts) else facts.colorspace


def _bits(facts: VideoFacts) -> int:
    return max(8, *(component.bits for component in av.VideoFormat(facts.pixel_format).components))


def _sampling(facts: VideoFacts) -> str:
    if _is_rgb(facts):
        return "444"
    # 4:2:0 also holds the coarser ones: gray, 4:1:1 and 4:1:0.
    return next((sampling for sampling in ("444", "422") if sampling in facts.pixel_format), "420")


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
