"""The presentation times of pictures and sound. No other module decides them.

Clocks of containers begin anywhere, restart, omit times, give two pictures the same time, or hold decoding times only.
This module makes all of them run from 0.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from redactor.errors import ContentMalformed, ContentUnsupported
from redactor.video.facts import exact
from redactor.video.repairs import Repair, Repairs
from redactor.video.restarts import RECORDED, AnyPacket, Restarts

LONGEST_GAP: Final = 2**31 - 1  # ticks between two samples of an MP4 track
MOST_UNTIMED: Final = 32  # pictures without a time that are held back until one with a time
# Codecs of sound that players support in ISO media files, where times must differ. Packets of other codecs may share
# a time: those of TrueHD and PCM may be shorter than Matroska's ticks.
COPIED: Final = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac", "dts"})
LATEST: Final = 1  # seconds; a picture that is further behind the one before it is an error
DECODING_TIMES: Final = frozenset({"avi"})  # demuxers with decoding times only
LENGTHS_ADD_UP: Final = frozenset({"mov,mp4,m4a,3gp,3g2,mj2"})  # durations between decoding times


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with its time and duration. `replaced` is True if it takes the place of a damaged one."""

    frame: VideoFrame
    replaced: bool = False


class Clock:
    """One input's clock. Feed packets through `bridged`, then pictures and sound in the order of their output."""

    def __init__(
        self, name: str, format_name: str, video: VideoStream, sounds: Sequence[AudioStream], rate: Fraction
    ) -> None:
        """`name` is the file's, for messages. `rate` gives a picture's duration if nothing else does."""
        self.repairs = Repairs()
        self.origin = Fraction(0)  # the input's time of the output's 0, in seconds; known from the first picture on
        self._name = name
        self._format = format_name
        self._time_base = exact(video.time_base)
        self._nominal = max(1, round(1 / (rate * self._time_base)))
        self._bases = {stream.index: exact(stream.time_base) for stream in sounds}
        self._starts = [
            stream.start_time * exact(stream.time_base) for stream in sounds if stream.start_time is not None
        ]
        self._unknown = {stream.index for stream in sounds if stream.start_time is None}
        self._restarts = Restarts({video.index: self._time_base, **self._bases}, format_name, self.repairs)
        self._decoded_at: deque[int] | None = deque() if format_name in DECODING_TIMES else None
        self._added_up = 0 if format_name in LENGTHS_ADD_UP else None
        self._before: list[tuple[int | None, int]] = []  # times and durations of packets until the first picture
        self._started = False
        self._early: list[AnyPacket] = []  # sound before the first picture
        self._waiting: list[Shown] = []  # one picture with a time, then pictures without
        self._shared = {
            stream.index
            for stream in sounds
            if stream.codec_context is not None and stream.codec_context.codec.canonical_name not in COPIED
        }
        # By stream: time and end of the newest packet, and its time in the input
        self._sound_ends: dict[int, tuple[int, int, int | None]] = {}
        self._first: int | None = None
        self._count = 0
        self._step = 0  # distance between the two newest pictures with times
        self._own: int | None = None  # the container's time of the newest picture

    def bridged(self, packets: Iterable[AnyPacket]) -> Iterator[tuple[AnyPacket, bool]]:
        """See `Restarts.bridged`."""
        return self._restarts.bridged(packets)

    def decoding(self, packet: AnyPacket) -> None:
        """Note a video packet whose picture will leave the decoder or be replaced."""
        if self._decoded_at is not None and packet.dts is not None:
            self._decoded_at.append(packet.dts)
        if self._added_up is not None:
            self._added_up += packet.duration or 0
            if not self._started:
                self._before.append((packet.pts, packet.duration or 0))

    def sound(self, packet: AnyPacket) -> list[Shown | AnyPacket]:
        """Add a sound packet. Return the packets that can be written now."""
        if not self._started:
            self._early.append(packet)
            return []
        return [self._sounding(packet)]

    def picture(self, shown: Shown) -> list[Shown | AnyPacket]:
        """Add a picture. Return the pictures with known durations; before the first of them, the sound so far."""
        self._count += 1
        if self._decoded_at:
            self._take_decoding_time(shown.frame)
        time = shown.frame.pts
        settled: list[Shown] = []
        if time is not None:
            self._place(time)
            shown.frame.pts = self._after_the_last(time)
            settled, self._waiting = self._waiting, []
        self._waiting.append(shown)
        if len(self._waiting) > MOST_UNTIMED:
            self._place(None)
            settled, self._waiting = self._waiting[:-1], self._waiting[-1:]
        return self._emitted(settled)

    def finish(self) -> list[Shown | AnyPacket]:
        """Return the remaining pictures. The last one lasts to the end of the track, or for its own duration."""
        if not self._waiting:
            return []
        self._place(None)
        last = self._waiting[-1].frame
        assert last.pts is not None
        left = 0 if self._added_up is None or self._first is None else self._first + self._added_up - last.pts
        lasting = left if left > 0 else last.duration or self._step or self._nominal
        settled, self._waiting = self._waiting, []
        emitted = self._emitted(settled)
        last.duration = min(lasting, LONGEST_GAP)
        return emitted

    def _take_decoding_time(self, frame: VideoFrame) -> None:
        """Give the picture the earliest decoding time: pictures leave the decoder in presentation order."""
        assert self._decoded_at
        own, time = frame.pts, self._decoded_at.popleft()
        if own is not None and self._own is not None and own < self._own:
            self.repairs.note(Repair.REORDERED, time * self._time_base)
        frame.pts, self._own = time, own

    def _place(self, until: int | None) -> None:
        """Give waiting pictures times: spread evenly up to `until`, or at the distance of earlier pictures."""
        untimed = [shown.frame for shown in self._waiting if shown.frame.pts is None]
        if not untimed:
            return
        step = self._step or self._nominal
        first = self._waiting[0].frame.pts
        for number, frame in enumerate(untimed, 1):
            if first is None:
                frame.pts = (0 if until is None else until) + (number - 1 - len(untimed)) * step
            elif until is None or until - first <= len(untimed):
                frame.pts = first + number * (step if until is None else 1)
            else:
                frame.pts = first + (until - first) * number // (len(untimed) + 1)
            self.repairs.note(Repair.MISSING, frame.pts * self._time_base)

    def _after_the_last(self, time: int) -> int:
        """Return a time after the waiting pictures. Raise ContentMalformed if `time` is too far back."""
        last = self._waiting[-1].frame.pts if self._waiting else None
        if last is None:
            return time
        index = self._count - 1
        if time <= last:
            if (last - time) * self._time_base > LATEST:
                raise ContentMalformed(f"{self._name}: frame {index} does not come after the one before it")
            self.repairs.note(Repair.EQUAL, time * self._time_base)
            return last + 1
        self._step = time - last
        if self._step > LONGEST_GAP:
            seconds = float(self._step * self._time_base)
            raise ContentUnsupported(
                f"{self._name}: frame {index} comes {seconds:.0f} seconds after the one before it, "
                "more than MP4 can store"
            )
        return time

    def _emitted(self, settled: list[Shown]) -> list[Shown | AnyPacket]:
        """Set durations up to the next picture, and let times run from 0."""
        if not settled:
            return []
        before: list[Shown | AnyPacket] = []
        if not self._started:
            first = settled[0].frame.pts
            assert first is not None
            self._begin(first)
            before = [self._sounding(packet) for packet in self._early]
            self._early = []
        frames = [shown.frame for shown in (*settled, *self._waiting[:1])]
        times = [frame.pts for frame in frames if frame.pts is not None]
        for frame, time, after in zip(frames, times, times[1:], strict=False):
            frame.duration = after - time
        origin = int(self.origin / self._time_base)
        for shown in settled:
            assert shown.frame.pts is not None
            shown.frame.pts -= origin
        return [*before, *settled]

    def _begin(self, first: int) -> None:
        """Set the origin: the first picture's time, or that of earlier sound."""
        starts = [first * self._time_base, *self._starts]
        for packet in self._early:
            if packet.stream.index in self._unknown and packet.pts is not None:
                starts.append(packet.pts * self._bases[packet.stream.index])
        # Use a whole tick of the video, so that its times stay exact.
        self.origin = min(starts) // self._time_base * self._time_base
        self._first, self._started = first, True
        if self._added_up is not None:
            self._added_up -= sum(length for time, length in self._before if time is not None and time < first)
        if self.origin and self._format not in RECORDED:
            self.repairs.note(Repair.START, self.origin)

    def _sounding(self, packet: AnyPacket) -> AnyPacket:
        """Set both times of a sound packet, after the packet before it."""
        index = packet.stream.index
        base = self._bases[index]
        origin = round(self.origin / base)
        last, end, before = self._sound_ends.get(index, (None, 0, None))
        shown = packet.pts if packet.pts is not None else packet.dts
        time = end if shown is None else shown - origin
        if last is not None and (time < last or (time == last and index not in self._shared)):
            self.repairs.note(Repair.SOUND, time * base + self.origin)
            # Packets of a block share its time, and follow each other.
            time = max(last + 1, end if shown == before else 0)
        packet.pts = packet.dts = time
        self._sound_ends[index] = time, time + (packet.duration or 0), shown
        return packet
