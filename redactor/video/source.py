"""The input: validated, described, and read once from start to end."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from redactor.errors import ContentMalformed, ContentUnsupported
from redactor.options import Damaged
from redactor.results import Replaced
from redactor.video.canvas import Canvas, Fitter
from redactor.video.clock import Clock, Shown
from redactor.video.decoding import Pictures
from redactor.video.dropped import dropped_parts
from redactor.video.facts import VideoFacts, described, exact, hidden
from redactor.video.last_picture import torn_picture
from redactor.video.repairs import Repair
from redactor.video.restarts import AnyPacket
from redactor.video.survey import SURVEYED, Tail, survey
from redactor.video.transport import joint
from redactor.video.truncation import truncation

# Demuxers by FFmpeg's names. Playlists and scripts (hls, concat, sdp, ...) are excluded on purpose: they make the
# demuxer open any file that they name. Still pictures are excluded too.
FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,mpegts,mpeg,flv,ogg,mxf"
FORMATS_IN_WORDS: Final = "MP4, MOV, M4V, MKV, WebM, AVI, WMV/ASF, MPEG-TS, MPEG-PS, FLV, Ogg, MXF"


@dataclass(frozen=True, slots=True)
class Sound:
    """A stream of sound that can be kept.

    `stream` is the packets' stream. `described` is the same stream with known codec parameters. `changes` is True if
    the parameters change midway, so that packets cannot be copied.
    """

    stream: AudioStream
    described: AudioStream
    changes: bool = False


class Source:
    """An open input. Raises ContentMalformed and ContentUnsupported; their messages begin with the file's name."""

    def __init__(self, path: Path, damaged: Damaged = Damaged.REFUSE, canvas: Canvas | None = None) -> None:
        """`canvas` replaces the canvas from the file's own description."""
        self.path = path
        self.replaced: list[Replaced] = []
        self._position = 0
        self._open: list[InputContainer | Tail] = []
        self._silent: dict[int, str] = {}  # by index, the reason to omit a stream of sound
        try:
            self.container = self._opened()
        except (av.FFmpegError, ValueError) as error:
            raise ContentMalformed(f"{path.name}: not a video this engine reads ({FORMATS_IN_WORDS})") from error
        try:
            self._format = self.container.format.name
            self.salvages = damaged is Damaged.SALVAGE
            self.video: VideoStream = self._main_video()
            self.sounds = self._sounds()
            self.facts = self._described(canvas)
            self._side_data = tuple(self.video.codec_context.coded_side_data)
            self._clock = Clock(
                path.name, self._format, self.video, [sound.stream for sound in self.sounds], self.facts.rate
            )
            self._torn = torn_picture(path, self.video) if self._format == "mpegts" else None  # byte position
            missing = truncation(path, self._format)
            if missing:
                self._cut_short(missing)
            fitter = Fitter(self.facts.canvas, hidden(self.video), self.facts.time_base, self._clock.repairs)
            self._pictures = Pictures(path.name, self._format, self.video, fitter, damaged, self._clock.repairs)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for one in reversed(self._open):
            one.close()

    @property
    def share_read(self) -> float:
        """The share of the file's bytes that has been read, 0 to 1."""
        return min(1.0, self._position / max(1, self.path.stat().st_size))

    @property
    def origin(self) -> Fraction:
        """The input's time of the output's 0, in seconds. Known after the first frame."""
        return self._clock.origin

    def items(self) -> Iterator[VideoFrame | AnyPacket]:
        """Yield decoded frames of the main video and packets of all audio, in the file's order.

        Frames come in presentation order, with times from 0 and durations. Raises ContentMalformed at the first sign
        of damage, and if the file ends before the end that its header states, unless damage is salvaged.
        """
        for item in self._timed():
            if not isinstance(item, Shown):
                yield item
                continue
            if item.replaced:
                self._note_replaced(item.frame)
            yield item.frame

    def _timed(self) -> Iterator[Shown | AnyPacket]:
        clock, pictures, packets = self._clock, self._pictures, 0
        for packet, piece in clock.bridged(self._demuxed()):
            # Packets that flush a decoder are empty.
            if not packet.size:
                continue
            damaged = (packet.is_corrupt and not self._is_whole(packet)) or self._is_torn(packet)
            if packet.stream is not self.video:
                if not damaged:
                    yield from clock.sound(packet)
                elif not self.salvages:
                    raise ContentMalformed(f"{self.path.name}: damaged or cut short after frame {pictures.count}")
                else:
                    clock.repairs.note(Repair.SOUND_LOST, (packet.pts or 0) * exact(packet.time_base))
                continue
            packets += 1
            if not packet.is_discard:
                clock.decoding(packet)
            for shown in pictures.lose(packet) if damaged else pictures.decode(packet, piece=piece):
                yield from clock.picture(shown)
        for shown in pictures.finish():
            yield from clock.picture(shown)
        yield from clock.finish()
        promised = len(self.video.index_entries) if "mov" in self._format else packets
        if packets < promised:
            self._cut_short(f"{packets} of {promised} video samples are there")

    def _demuxed(self) -> Iterator[AnyPacket]:
        try:
            for packet in self.container.demux(self.video, *(sound.stream for sound in self.sounds)):
                if packet.has_sidedata("encryption_info"):
                    stream = packet.stream
                    raise ContentUnsupported(f"{self.path.name}: {stream.type} stream {stream.index} is encrypted")
                self._position = max(self._position, packet.pos or 0)
                yield packet
        except av.FFmpegError as error:
            if not self.salvages:
                raise ContentMalformed(
                    f"{self.path.name}: damaged after frame {self._pictures.count} ({error.strerror})"
                ) from error
            self._clock.repairs.note(Repair.CUT_SHORT, Fraction(0), f"unreadable after frame {self._pictures.count}")

    def _is_whole(self, packet: AnyPacket) -> bool:
        """Return True if a packet is marked as damaged only because another recording begins after it."""
        if self._format != "mpegts" or packet.pos is None:
            return False
        until = joint(self.path, packet.pos, packet.stream.id)
        if until is None:
            return False
        return packet.stream is not self.video or torn_picture(self.path, self.video, until) is None

    def _is_torn(self, packet: AnyPacket) -> bool:
        """Return True if the packet's picture is the file's last one and incomplete."""
        return packet.stream is self.video and packet.pos is not None and packet.pos == self._torn

    def _cut_short(self, how: str) -> None:
        if not self.salvages:
            raise ContentMalformed(f"{self.path.name}: cut short: {how}")
        self._clock.repairs.note(Repair.CUT_SHORT, Fraction(0), how)

    def _note_replaced(self, frame: VideoFrame) -> None:
        start = (frame.pts or 0) * self.facts.time_base
        end = start + frame.duration * self.facts.time_base
        if self.replaced and self.replaced[-1].end == float(start):
            before = self.replaced.pop()
            self.replaced.append(Replaced(before.start, float(end), before.frames + 1))
        else:
            self.replaced.append(Replaced(float(start), float(end), 1))

    def dropped(self) -> tuple[str, ...]:
        """Describe the parts of the input that an output of `items` omits. Read all items first."""
        kept = (self.video, *(sound.stream for sound in self.sounds))
        return dropped_parts(self.container, kept, self._side_data, self._pictures.carried, self._silent)

    def repairs(self) -> tuple[str, ...]:
        """Describe the repairs of the input. Read all items first."""
        return self._clock.repairs.described(self._clock.origin)

    def _opened(self) -> InputContainer:
        # "file:" prevents FFmpeg from treating a name such as "http:x" as a URL.
        container = av.open(
            f"file:{self.path.absolute()}",
            container_options={"protocol_whitelist": "file", "format_whitelist": FORMATS},
        )
        self._open.append(container)
        return container

    def _main_video(self) -> VideoStream:
        moving = [s for s in self.container.streams.video if not s.disposition & Disposition.attached_pic]
        if not moving:
            raise ContentUnsupported(f"{self.path.name}: has no video track")
        best = self.container.streams.best("video")
        return best if isinstance(best, VideoStream) and best in moving else moving[0]

    def _described(self, canvas: Canvas | None) -> VideoFacts:
        name, context = self.path.name, self.video.codec_context
        if context is None:
            raise ContentUnsupported(f"{name}: its video codec is not known")
        if not context.pix_fmt or not context.width or not context.height:
            next(self._demuxed(), None)  # raises if it is encrypted
            raise ContentMalformed(f"{name}: its {context.name} video cannot be decoded")
        return described(name, self.container, self.video, canvas)

    def _sounds(self) -> tuple[Sound, ...]:
        """Return the streams of sound that can be kept. Note reasons against the others."""
        streams: tuple[AudioStream, ...] = self.container.streams.audio
        heard = survey(self._opened()) if streams and self._format in SURVEYED else {}
        kept = []
        for stream in streams:
            one = heard.get(stream.index)
            described: AudioStream | None = stream
            if one is not None and not one.packets:
                self._silent[stream.index] = "without sound"
                continue
            if not _is_described(stream):
                described = self._described_late(stream, one.position or 0) if one is not None else None
            if described is None:
                self._silent[stream.index] = "of an unknown codec"
                continue
            kept.append(Sound(stream, described, changes=one is not None and one.changed_at is not None))
        return tuple(kept)

    def _described_late(self, stream: AudioStream, position: int) -> AudioStream | None:
        """Read a stream's parameters at byte `position`, where it begins, if the file's beginning lacks them."""
        tail = Tail(self.path, position)
        self._open.append(tail)
        container = av.open(tail, "r", format=self._format)
        self._open.append(container)
        for one in container.streams.audio:
            if one.id == stream.id and _is_described(one):
                return one
        return None


def _is_described(stream: AudioStream) -> bool:
    return stream.codec_context is not None and bool(stream.rate and stream.channels)
