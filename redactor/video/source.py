"""The input: validated, described, and read once from start to end."""

import contextlib
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from redactor.errors import ContentMalformed, ContentUnsupported
from redactor.video.dropped import dropped_parts, is_encoder_note
from redactor.video.truncation import truncation

type AnyPacket = Packet[Stream]

# Demuxers by FFmpeg's names. Playlists and scripts (hls, concat, sdp, ...) are excluded on purpose: they make the
# demuxer open any file that they name. Still pictures are excluded too.
FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,mpegts,mpeg,flv,ogg,mxf"
FORMATS_IN_WORDS: Final = "MP4, MOV, M4V, MKV, WebM, AVI, WMV/ASF, MPEG-TS, MPEG-PS, FLV, Ogg, MXF"
BOTTOM_FIRST: Final = frozenset({3, 4})  # AV_FIELD_BB, AV_FIELD_TB: the bottom field is shown first
DECODER_OPTIONS: Final = {"err_detect": "explode"}
LONGEST_GAP: Final = 2**31 - 1  # between two samples of an MP4 track, in units of its time scale
PICTURE_A_PACKET: Final = frozenset({"h264", "hevc"})  # unless interlaced: two fields may have a packet each
LARGEST_SIDE: Final = 16384  # the limit of the H.264 and HEVC encoders
MOST_PIXELS: Final = 8192 * 4320


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Properties of the video that the output keeps. Colour fields are FFmpeg's (ISO/IEC 23091-2) numbers."""

    codec: str
    pixel_format: str
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    frames: int | None
    aspect: Fraction
    rotation: int
    display_matrix: tuple[int, ...] | None
    color_range: int
    color_primaries: int
    color_trc: int
    colorspace: int
    chroma_location: int
    interlaced: bool
    bottom_first: bool


class Source:
    """An open input. Raises ContentMalformed and ContentUnsupported; their messages begin with the file's name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.container = self._opened()
        except (av.FFmpegError, ValueError) as error:
            raise ContentMalformed(f"{path.name}: not a video this engine reads ({FORMATS_IN_WORDS})") from error
        try:
            missing = truncation(path, self.container.format.name)
            if missing:
                raise ContentMalformed(f"{path.name}: cut short: {missing}")
            self.video: VideoStream = self._main_video()
            self.audio = self._sounds()
            self.facts = self._describe()
            self._side_data = tuple(self.video.codec_context.coded_side_data)
            self._carried: set[Type] = set()
            self._fields = self.facts.interlaced
            self._recorded = self.container.format.name == "mpegts"
            self._entry: int | None = None
        except BaseException:
            self.container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    def _opened(self) -> InputContainer:
        # "file:" prevents FFmpeg from treating a name such as "http:x" as a URL.
        return av.open(
            f"file:{self.path.absolute()}",
            container_options={"protocol_whitelist": "file", "format_whitelist": FORMATS},
        )

    def items(self) -> Iterator[VideoFrame | AnyPacket]:
        """Yield decoded frames of the main video and packets of all audio, in the file's order.

        Frames come in presentation order, each with a time. Raises ContentMalformed at the first sign of damage, and
        if the file ends before the end that its header states.
        """
        name = self.path.name
        count, packets, pictures, last = 0, 0, 0, None
        early: list[int | None] = []
        try:
            for packet in self.container.demux(self.video, *self.audio):
                self._check_packet(packet, count)
                # Compare streams, because the packet that flushes a decoder has no stream_index.
                if packet.stream is not self.video:
                    if packet.size:
                        yield packet
                    continue
                if self._recorded and packet.size and not self._entered(packet):
                    continue
                packets += bool(packet.size)
                if packet.size and not packet.is_discard:
                    pictures += 1
                    if not count:
                        early.append(packet.pts)
                for frame in self.video.decode(packet):
                    self._check(frame, count)
                    if not count:  # pictures before the first keyframe are never shown
                        pictures -= sum(time is not None and time < (frame.pts or 0) for time in early)
                    count, last = count + 1, self._timed(frame, count, last)
                    yield frame
        except av.FFmpegError as error:
            raise ContentMalformed(f"{name}: damaged after frame {count} ({error.strerror})") from error
        if not count:
            raise ContentMalformed(f"{name}: its video track holds no frame that can be decoded")
        promised = len(self.video.index_entries) if "mov" in self.container.format.name else packets
        if packets < promised:
            raise ContentMalformed(f"{name}: cut short: {packets} of {promised} video samples are there")
        if self.facts.codec in PICTURE_A_PACKET and not self._fields and count < pictures:
            raise ContentMalformed(f"{name}: damaged: {count} of {pictures} pictures can be decoded")

    def dropped(self) -> tuple[str, ...]:
        """Describe the parts of the input that an output of `items` omits. Read all items first."""
        return dropped_parts(self.container, (self.video, *self.audio), self._side_data, self._carried)

    def _main_video(self) -> VideoStream:
        moving = [s for s in self.container.streams.video if not s.disposition & Disposition.attached_pic]
        if not moving:
            raise ContentUnsupported(f"{self.path.name}: has no video track")
        best = self.container.streams.best("video")
        return best if isinstance(best, VideoStream) and best in moving else moving[0]

    def _sounds(self) -> tuple[AudioStream, ...]:
        streams: tuple[AudioStream, ...] = self.container.streams.audio
        for stream in streams:
            if stream.codec_context is None or not stream.rate or not stream.channels:
                raise ContentUnsupported(f"{self.path.name}: the codec of audio stream {stream.index} is not known")
        return streams

    def _describe(self) -> VideoFacts:
        stream, name = self.video, self.path.name
        context = stream.codec_context
        if context is None:
            raise ContentUnsupported(f"{name}: its video codec is not known")
        if not context.pix_fmt or not context.width or not context.height:
            with contextlib.suppress(av.FFmpegError):
                self._check_packet(next(self.container.demux()), 0)  # raises if it is encrypted
            raise ContentMalformed(f"{name}: its {context.name} video cannot be decoded")
        if max(context.width, context.height) > LARGEST_SIDE or context.width * context.height > MOST_PIXELS:
            raise ContentUnsupported(f"{name}: {context.width}x{context.height} is more than 8192x4320 pixels")
        if "alpha" in context.pix_fmt or context.pix_fmt.startswith(("yuva", "rgba", "bgra", "argb", "gbrap")):
            raise ContentUnsupported(f"{name}: has transparency ({context.pix_fmt}), which MP4 cannot keep")
        # With several threads, decoders report damage late, and PyAV ignores reports at the end.
        context.thread_type = "NONE"
        context.options = DECODER_OPTIONS
        matrix = _matrix(context.coded_side_data.get("display_matrix"))
        rate = stream.average_rate or stream.guessed_rate
        aspect = stream.sample_aspect_ratio
        return VideoFacts(
            codec=context.codec.canonical_name,
            pixel_format=context.pix_fmt,
            width=context.width,
            height=context.height,
            time_base=Fraction(stream.time_base.numerator, stream.time_base.denominator),
            rate=Fraction(rate.numerator, rate.denominator) if rate else Fraction(25),
            frames=stream.frames or self._estimated_frames(),
            aspect=Fraction(aspect.numerator, aspect.denominator) if aspect and aspect.denominator else Fraction(0),
            rotation=_rotation(matrix),
            display_matrix=matrix,
            color_range=context.color_range,
            color_primaries=context.color_primaries,
            color_trc=context.color_trc,
            colorspace=context.colorspace,
            chroma_location=context.chroma_sample_location,
            interlaced=context.field_order not in {0, 1},
            bottom_first=context.field_order in BOTTOM_FIRST,
        )

    def _estimated_frames(self) -> int | None:
        rate, length = self.video.average_rate, self.container.duration
        return round(length / av.time_base * float(rate)) or None if rate and length else None

    def _nominal_duration(self) -> int:
        return max(1, round(1 / (self.facts.rate * self.facts.time_base)))

    def _timed(self, frame: VideoFrame, index: int, last: int | None) -> int:
        """Return the frame's time. Set it if there is none. `last` is the previous frame's time."""
        if frame.pts is None:
            frame.pts = 0 if last is None else last + self._nominal_duration()
        if last is not None and frame.pts <= last:
            raise ContentMalformed(f"{self.path.name}: frame {index} does not come after the one before it")
        if last is not None and frame.pts - last > LONGEST_GAP:
            seconds = float((frame.pts - last) * self.facts.time_base)
            raise ContentUnsupported(
                f"{self.path.name}: frame {index} comes {seconds:.0f} seconds after the one before it, "
                "more than MP4 can store"
            )
        return frame.pts

    def _entered(self, packet: AnyPacket) -> bool:
        """Return True once a packet is at or after the first keyframe, in the file's order and in presentation order.

        Recordings of broadcasts may begin anywhere. Players, too, skip pictures that depend on missing ones.
        """
        if self._entry is None and packet.is_keyframe:
            self._entry = packet.pts or 0
        return self._entry is not None and (packet.pts is None or packet.pts >= self._entry)

    def _check_packet(self, packet: AnyPacket, index: int) -> None:
        if packet.is_corrupt:
            raise ContentMalformed(f"{self.path.name}: damaged or cut short after frame {index}")
        if packet.has_sidedata("encryption_info"):
            stream = packet.stream
            raise ContentUnsupported(f"{self.path.name}: {stream.type} stream {stream.index} is encrypted")

    def _check(self, frame: VideoFrame, index: int) -> None:
        if frame.is_corrupt:
            raise ContentMalformed(f"{self.path.name}: frame {index} is damaged")
        if frame.interlaced_frame and self.facts.codec == "hevc":
            raise ContentUnsupported(f"{self.path.name}: interlaced HEVC is not handled; make it progressive first")
        self._fields = self._fields or frame.interlaced_frame
        self._carried.update(kind for kind, data in frame.side_data.items() if not is_encoder_note(data))
        if (frame.width, frame.height) != (self.facts.width, self.facts.height):
            raise ContentUnsupported(
                f"{self.path.name}: the picture changes from {self.facts.width}x{self.facts.height} "
                f"to {frame.width}x{frame.height} at frame {index}"
            )


def _matrix(data: bytes | None) -> tuple[int, ...] | None:
    """Parse FFmpeg's display matrix side data: nine native 32-bit integers."""
    return struct.unpack("9i", data) if data and len(data) == 36 else None


def _rotation(matrix: tuple[int, ...] | None) -> int:
    """Return degrees anticlockwise, as FFmpeg's av_display_rotation_get does."""
    if matrix is None or not any(matrix[:2]) or not any(matrix[3:5]):
        return 0
    across, down = math.hypot(matrix[0], matrix[3]), math.hypot(matrix[1], matrix[4])
    return round(-math.degrees(math.atan2(matrix[1] / down, matrix[0] / across)))
