"""The one place that decides when a picture is shown and a sound is heard.

Containers' clocks begin anywhere, restart, leave times out, give two pictures the same time, or say when a picture is
decoded and not when it is shown. Here all of them come to run from 0 on.
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
from redactor.video.mends import Mend, Mends
from redactor.video.restarts import RECORDED, AnyPacket, Restarts

LONGEST_GAP: Final = 2**31 - 1  # ticks between two samples of an MP4 track
MOST_UNTIMED: Final = 32  # pictures held back until one with a time comes
LATEST: Final = 1  # seconds that a picture may be behind the one before it, to be moved
DECODING_TIMES: Final = frozenset({"avi"})  # demuxers that know only when pictures are decoded
LENGTHS_ADD_UP: Final = frozenset({"mov,mp4,m4a,3gp,3g2,mj2"})  # whose durations are distances of decoding times


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with its time and duration; `replaced`: stands where the input has a damaged one."""

    frame: VideoFrame
    replaced: bool = False


class Clock:
    """One input's. Feed packets through `bridged`, then pictures and sound in the order in which they come out."""

    def __init__(
        self, name: str, format_name: str, video: VideoStream, sounds: Sequence[AudioStream], rate: Fraction
    ) -> None:
        """`name`: the file's, for messages; `rate`: pictures a second where nothing else says how long one lasts."""
        self.mends = Mends()
        self.origin = Fraction(0)  # seconds of the input that are the output's 0; known from the first picture on
        self._name = name
        self._format = format_name
        self._time_base = exact(video.time_base)
        self._nominal = max(1, round(1 / (rate * self._time_base)))
        self._bases = {stream.index: exact(stream.time_base) for stream in sounds}
        self._starts = [
            stream.start_time * exact(stream.time_base) for stream in sounds if stream.start_time is not None
        ]
        self._unknown = {stream.index for stream in sounds if stream.start_time is None}
        self._restarts = Restarts({video.index: self._time_base, **self._bases}, format_name, self.mends)
        self._decoded_at: deque[int] | None = deque() if format_name in DECODING_TIMES else None
        self._added_up = 0 if format_name in LENGTHS_ADD_UP else None
        self._before: list[tuple[int | None, int]] = []  # times and durations of packets until the first picture
        self._started = False
        self._early: list[AnyPacket] = []  # sound from before the first picture
        self._waiting: list[Shown] = []  # one picture with a time, then those without
        self._sound_ends: dict[int, tuple[int, int]] = {}  # by stream: the newest packet's time and end
        self._first: int | None = None
        self._count = 0
        self._step = 0  # between the two newest pictures with times
        self._own: int | None = None  # the newest picture's time by the container

    def bridged(self, packets: Iterable[AnyPacket]) -> Iterator[tuple[AnyPacket, bool]]:
        """See `Restarts.bridged`."""
        return self._restarts.bridged(packets)

    def decoding(self, packet: AnyPacket) -> None:
        """Note a packet of the video whose picture will come out of the decoder, or be replaced."""
        if self._decoded_at is not None and packet.dts is not None:
            self._decoded_at.append(packet.dts)
        if self._added_up is not None:
            self._added_up += packet.duration or 0
            if not self._started:
                self._before.append((packet.pts, packet.duration or 0))

    def sound(self, packet: AnyPacket) -> list[Shown | AnyPacket]:
        """Return what of the sound can be written by now."""
        if not self._started:
            self._early.append(packet)
            return []
        return [self._sounding(packet)]

    def picture(self, shown: Shown) -> list[Shown | AnyPacket]:
        """Return the pictures whose durations are known now, and before the first of them the sound until then."""
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
        """Return the pictures that are left. The last one ends with the track, or lasts as long as it says."""
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
        """Pictures leave the decoder in the order in which they are shown: the first gets the earliest time."""
        assert self._decoded_at
        own, time = frame.pts, self._decoded_at.popleft()
        if own is not None and self._own is not None and own < self._own:
            self.mends.note(Mend.REORDERED, time * self._time_base)
        frame.pts, self._own = time, own

    def _place(self, until: int | None) -> None:
        """Give pictures that wait without a time one: evenly up to `until`, or at the distance of those before."""
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
            self.mends.note(Mend.MISSING, frame.pts * self._time_base)

    def _after_the_last(self, time: int) -> int:
        """The time of a picture that comes behind those which wait; ContentMalformed if it lies too far back."""
        last = self._waiting[-1].frame.pts if self._waiting else None
        if last is None:
            return time
        index = self._count - 1
        if time <= last:
            if (last - time) * self._time_base > LATEST:
                raise ContentMalformed(f"{self._name}: frame {index} does not come after the one before it")
            self.mends.note(Mend.EQUAL, time * self._time_base)
            return last + 1
        self._step = time - last
        if self._step > LONGEST_GAP:
            seconds = float(self._step * self._time_base)
            raise ContentUnsupported(
                f"{self._name}: frame {index} comes {seconds:.0f} seconds after the one before it, "
                "more than MP4 can say"
            )
        return time

    def _emitted(self, settled: list[Shown]) -> list[Shown | AnyPacket]:
        """Finish times: durations up to the next picture, all of it from 0 on."""
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
        """Settle what time is 0: the first picture's, or that of sound that is heard earlier."""
        starts = [first * self._time_base, *self._starts]
        for packet in self._early:
            if packet.stream.index in self._unknown and packet.pts is not None:
                starts.append(packet.pts * self._bases[packet.stream.index])
        # A whole tick of the video, so that its times stay exact.
        self.origin = min(starts) // self._time_base * self._time_base
        self._first, self._started = first, True
        if self._added_up is not None:
            self._added_up -= sum(length for time, length in self._before if time is not None and time < first)
        if self.origin and self._format not in RECORDED:
            self.mends.note(Mend.START, self.origin)

    def _sounding(self, packet: AnyPacket) -> AnyPacket:
        """The packet with both its times, behind the one before it."""
        index = packet.stream.index
        base = self._bases[index]
        origin = round(self.origin / base)
        last, end = self._sound_ends.get(index, (None, 0))
        shown = packet.pts if packet.pts is not None else packet.dts
        time = end if shown is None else shown - origin
        if last is not None and time <= last:
            self.mends.note(Mend.SOUND, time * base + self.origin)
            time = last + 1
        packet.pts = packet.dts = time
        self._sound_ends[index] = time, time + (packet.duration or 0)
        return packet
