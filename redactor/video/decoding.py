"""Decodes packets to pictures, and refuses or replaces damaged ones.

Pictures that depend on ones before the start of a file, or of a recording in it, are no damage: every player skips
them. Any other decoder error ends the run. With Damaged.SALVAGE, the last good picture is shown until the next
keyframe instead.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.rational import AVRational
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorTrc
from av.video.stream import VideoStream

from redactor.errors import ContentMalformed, ContentUnsupported
from redactor.options import Damaged
from redactor.video.canvas import Canvas, Fitter
from redactor.video.clock import DECODING_TIMES, Shown
from redactor.video.dropped import is_encoder_note
from redactor.video.facts import exact
from redactor.video.last_picture import DECODER_OPTIONS
from redactor.video.repairs import Repair, Repairs
from redactor.video.restarts import RECORDED, AnyPacket

UNSPECIFIED: Final = 2  # transfer characteristics
PICTURE_A_PACKET: Final = frozenset({"h264", "hevc"})  # unless interlaced: two fields may have a packet each


class Pictures:
    """Decodes one file's main video, a packet at a time."""

    def __init__(
        self,
        name: str,
        format_name: str,
        video: VideoStream,
        fitter: Fitter,
        damaged: Damaged,
        repairs: Repairs,
    ) -> None:
        """Open the decoder. `name` is the file's, for messages."""
        context = video.codec_context
        # With several threads, decoders report damage late, and PyAV ignores reports at the end.
        context.thread_type = "NONE"
        context.options = DECODER_OPTIONS
        self.count = 0
        self.carried: set[Type] = set()  # kinds of side data on the pictures
        self._name = name
        self._codec = context.codec.canonical_name
        self._video = video
        self._time_base = exact(video.time_base)
        self._fitter = fitter
        self._salvages = damaged is Damaged.SALVAGE
        self._repairs = repairs
        self._fields = context.field_order not in {0, 1}
        # True if packets and pictures can be matched by their times.
        self._counts = self._codec in PICTURE_A_PACKET and format_name not in DECODING_TIMES
        self._skips = format_name in RECORDED  # skip pictures before the first keyframe without decoding
        self._transfer = context.color_trc  # as the container states it: decoders replace it
        self._entry: int | None = None
        self._expected = 0
        self._inside: list[int] = []  # times of packets whose pictures are still in the decoder
        self._lost: list[int | None] = []
        self._torn: int | None = None  # time of a damaged picture that may still leave the decoder
        self._replaces = False
        self._good: VideoFrame | None = None
        self._stretches: list[tuple[int, Fraction]] = []  # (time, relative width of pixels from then on)
        # The container's pixel shape takes precedence over the stream's.
        shape = exact(context.sample_aspect_ratio)
        self._shape = shape if shape == exact(video.sample_aspect_ratio) else None
        self._stated: AVRational | None = None  # the stream's latest pixel shape

    def decode(self, packet: AnyPacket, *, piece: bool) -> Iterator[Shown]:
        """Yield complete pictures. `piece` is True if another recording begins with the packet.

        Raises ContentMalformed at the first sign of damage, unless damaged pictures are replaced.
        """
        if piece:
            yield from self._drained()
            self._begin_anew(replaces=False)
        if not self._enters(packet):
            return
        self._submitted(packet)
        try:
            frames = self._video.decode(packet)
        except av.FFmpegError as error:
            # Players skip pictures before the entry. The index marks some of them as hidden.
            if self.count or packet.pts is None or self._entry is None or packet.pts >= self._entry:
                yield from self._damaged(packet, f"damaged after frame {self.count} ({error.strerror})")
            return
        self._note_shape(packet)
        for frame in frames:
            if frame.is_corrupt:
                yield from self._damaged(None, f"frame {self.count} is damaged")
                return
            yield from self._completed(frame)

    def lose(self, packet: AnyPacket) -> Iterator[Shown]:
        """Handle a packet that the container marks as damaged."""
        self._submitted(packet)
        yield from self._damaged(packet, f"damaged or cut short after frame {self.count}")

    def finish(self) -> Iterator[Shown]:
        """Yield the remaining pictures. Raises ContentMalformed if pictures are missing."""
        yield from self._drained()
        if self._salvages:
            self._lost += self._inside if self._counts else []
            yield from self._replacements(None)
        if not self.count:
            raise ContentMalformed(f"{self._name}: its video track holds no frame that can be decoded")
        if self._codec in PICTURE_A_PACKET and not self._fields and self.count < self._expected:
            raise ContentMalformed(f"{self._name}: damaged: {self.count} of {self._expected} pictures can be decoded")

    def _begin_anew(self, *, replaces: bool) -> None:
        """Start again at the next keyframe. With `replaces`, pictures up to it are replaced."""
        self._video.codec_context.flush_buffers()
        self._skips, self._entry, self._replaces = True, None, replaces

    def _enters(self, packet: AnyPacket) -> bool:
        """Return True if a packet is at or after the first keyframe, in the file's order and in presentation order.

        Recordings may begin anywhere, and players skip pictures that depend on missing ones. If a file begins with a
        keyframe, pictures shown before it are decoded: they may not depend on others.
        """
        if self._entry is None and (packet.is_keyframe or not self._skips):
            self._entry = packet.pts or 0
        if not self._skips or (self._entry is not None and (packet.pts is None or packet.pts >= self._entry)):
            return True
        if not self._replaces:
            self._repairs.note(Repair.LEADING, (packet.pts or 0) * self._time_base)
        elif not packet.is_discard:
            self._expected += 1
            self._lost.append(packet.pts)
        return False

    def _submitted(self, packet: AnyPacket) -> None:
        if packet.is_discard:
            return
        self._expected += 1
        if packet.pts is not None:
            self._inside.append(packet.pts)

    def _drained(self) -> Iterator[Shown]:
        """Yield the pictures that the decoder holds back."""
        try:
            frames = self._video.codec_context.decode(None)
        except av.EOFError:
            return
        except av.FFmpegError as error:
            if not self._salvages:
                raise ContentMalformed(f"{self._name}: damaged after frame {self.count} ({error.strerror})") from error
            return
        for frame in frames:
            if frame.is_corrupt:
                if not self._salvages:
                    raise ContentMalformed(f"{self._name}: frame {self.count} is damaged")
                return
            yield from self._completed(frame)

    def _damaged(self, packet: AnyPacket | None, message: str) -> Iterator[Shown]:
        """Refuse damage, or replace the pictures in the decoder. Pictures before the damaged `packet` are intact."""
        if not self._salvages:
            raise ContentMalformed(f"{self._name}: {message}")
        if packet is not None:
            if packet.pts is None:
                self._lost.append(None)
            elif packet.pts in self._inside:
                self._inside.remove(packet.pts)
                self._lost.append(packet.pts)
                self._torn = packet.pts
            yield from self._drained()
        self._lost += self._inside
        self._inside, self._torn = [], None
        self._begin_anew(replaces=True)

    def _completed(self, frame: VideoFrame) -> Iterator[Shown]:
        if frame.pts is not None and frame.pts == self._torn:
            return
        self._check(frame)
        if frame.pts is not None:
            self._take_out(frame.pts)
        yield from self._replacements(frame.pts)
        stretch = Fraction(1)
        for since, ratio in self._stretches:
            stretch = ratio if frame.pts is None or frame.pts >= since else stretch
        fitted = self._fitter.fitted(frame, stretch)
        self.count += 1
        if self._salvages:
            self._good = fitted
        yield Shown(fitted)

    def _take_out(self, time: int) -> None:
        """Note that the picture of that time left the decoder. Earlier ones that did not are missing."""
        if not self._counts:
            self._inside = [one for one in self._inside if one != time]
            return
        missing = [one for one in self._inside if one < time]
        self._inside = [one for one in self._inside if one > time]
        if not missing:
            return
        if not self.count and not self._lost:  # pictures before the first keyframe
            self._expected -= len(missing)
            for one in missing:
                self._repairs.note(Repair.LEADING, one * self._time_base)
        elif self._salvages:
            self._lost += missing

    def _replacements(self, until: int | None) -> Iterator[Shown]:
        """Yield replacements for pictures lost before `until`, or for all lost ones."""
        if not self._lost:
            return
        if all(time is not None for time in self._lost):
            self._lost.sort(key=lambda time: time or 0)
        while self._lost and (until is None or self._lost[0] is None or self._lost[0] < until):
            frame = _black(self._fitter.canvas) if self._good is None else _copied(self._good)
            frame.pts, frame.time_base = self._lost.pop(0), self._video.time_base
            self.count += 1
            yield Shown(frame, replaced=True)

    def _note_shape(self, packet: AnyPacket) -> None:
        if self._shape is None or packet.pts is None:
            return
        stated = self._video.codec_context.sample_aspect_ratio
        if stated == self._stated:
            return
        self._stated = stated
        ratio = (exact(stated) or 1) / (self._shape or Fraction(1))
        if ratio != (self._stretches[-1][1] if self._stretches else 1):
            self._stretches.append((packet.pts, ratio))

    def _check(self, frame: VideoFrame) -> None:
        if frame.interlaced_frame and self._codec == "hevc":
            raise ContentUnsupported(f"{self._name}: interlaced HEVC is not handled; make it progressive first")
        self._fields = self._fields or frame.interlaced_frame
        if (
            not self.count
            and UNSPECIFIED not in {frame.color_trc, self._transfer}
            and frame.color_trc != self._transfer
        ):
            detail = f"{_transfer(self._transfer)}, not {_transfer(frame.color_trc)}"
            self._repairs.note(Repair.COLOUR, Fraction(0), detail)
        self.carried.update(kind for kind, data in frame.side_data.items() if not is_encoder_note(data))


def _transfer(number: int) -> str:
    """Return the name of an ISO/IEC 23091-2 transfer characteristic."""
    return next((one.name for one in ColorTrc if one == number), str(number))


def _copied(frame: VideoFrame) -> VideoFrame:
    """Copy a picture to new memory."""
    copy = VideoFrame(frame.width, frame.height, frame.format.name)
    for old, new in zip(frame.planes, copy.planes, strict=True):
        length = min(old.line_size, new.line_size)
        rows = np.frombuffer(old, np.uint8).reshape(old.height, old.line_size)
        np.frombuffer(new, np.uint8).reshape(new.height, new.line_size)[:, :length] = rows[:, :length]
    copy.color_range, copy.colorspace = frame.color_range, frame.colorspace
    copy.color_primaries, copy.color_trc = frame.color_primaries, frame.color_trc
    return copy


def _black(canvas: Canvas) -> VideoFrame:
    frame = VideoFrame(canvas.width, canvas.height, "yuv420p")
    for plane, shade in zip(frame.planes, (16, 128, 128), strict=True):
        np.frombuffer(plane, np.uint8)[:] = shade
    return frame.reformat(format=canvas.pixel_format)
