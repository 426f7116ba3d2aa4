"""Bridges restarts of a file's clock: joined recordings, restarted recorders, overflowed clocks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av.packet import Packet
from av.stream import Stream

from redactor.video.repairs import Repair, Repairs

type AnyPacket = Packet[Stream]

# Demuxers whose times come from a free-running clock. In other formats a long pause is intended.
RECORDED: Final = frozenset({"mpegts", "mpeg"})
LONGEST_PAUSE: Final = 3600  # seconds; a longer pause is a restart of the recorder's clock
MOST_HELD: Final = 400  # packets held back to find the streams that restart


@dataclass(slots=True)
class _Track:
    """One stream's state, in ticks of its time base.

    `last` is the newest time of the input's clock. `end` and `offset` belong to the bridged clock.
    """

    time_base: Fraction
    offset: int = 0
    last: int | None = None
    step: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """A waiting packet. `placed`: its times are final. `first`: a new piece begins with it."""

    packet: AnyPacket
    placed: bool
    first: bool


class Restarts:
    """Bridges restarts for pictures and sound alike.

    A piece begins where the longest stream of the previous piece ends, a frame's duration after its last frame. All
    streams of a piece are moved by the same time, so that they stay in sync.
    """

    def __init__(self, time_bases: Mapping[int, Fraction], format_name: str, repairs: Repairs) -> None:
        """`time_bases` are the streams', by index."""
        self._tracks = {index: _Track(base) for index, base in time_bases.items()}
        self._recorded = format_name in RECORDED
        self._repairs = repairs
        self._moved: Fraction | None = None  # shift of the latest piece, in seconds

    def bridged(self, packets: Iterable[AnyPacket]) -> Iterator[tuple[AnyPacket, bool]]:
        """Yield packets with times on one clock, each with True if a new piece of its stream begins there."""
        held: list[_Held] = []
        starts: dict[int, int] = {}  # by stream that has reached the new piece: its start in ticks of the input
        for packet in packets:
            index = packet.stream.index
            track = self._tracks[index]
            time = packet.dts if packet.pts is None else packet.pts
            jumps = bool(packet.size) and self._jumps(track, packet)
            if held and (not packet.size or (jumps and index in starts) or len(held) >= MOST_HELD):
                yield from self._settled(held, starts)
                held, starts = [], {}
            if jumps and not held and self._follows(track, time):
                yield self._placed(track, packet), True
                continue
            if jumps and time is not None:
                starts[index] = time
            if index in starts:
                starts[index] = min(starts[index], starts[index] if time is None else time)
                _read(track, packet)
                held.append(_Held(packet, placed=False, first=jumps))
            elif held:
                held.append(_Held(self._placed(track, packet), placed=True, first=False))
            else:
                yield self._placed(track, packet), False
            if len(starts) == sum(one.last is not None for one in self._tracks.values()):
                yield from self._settled(held, starts)
                held, starts = [], {}
        yield from self._settled(held, starts)

    def _jumps(self, track: _Track, packet: AnyPacket) -> bool:
        if packet.dts is None or track.last is None:
            return False
        step = packet.dts - track.last
        return step < -max(1, track.step * 3 // 2) or (self._recorded and step * track.time_base > LONGEST_PAUSE)

    def _follows(self, track: _Track, start: int | None) -> bool:
        """Move a stream to the latest piece, which other streams have reached already, if it belongs there."""
        if self._moved is None or start is None or track.end is None:
            return False
        offset = round(self._moved / track.time_base)
        if offset == track.offset or start + offset < track.end - track.step:
            return False
        track.offset = offset
        return True

    def _settled(self, held: list[_Held], starts: Mapping[int, int]) -> Iterator[tuple[AnyPacket, bool]]:
        """Yield `held`, with the streams of `starts` moved to the end of the longest one's previous piece."""
        if not held:
            return
        tracks = {index: self._tracks[index] for index in starts}
        moved = max((Fraction(track.end or 0) - starts[index]) * track.time_base for index, track in tracks.items())
        self._moved = moved
        self._repairs.note(
            Repair.RESTART, min(starts[index] * track.time_base for index, track in tracks.items()) + moved
        )
        for track in tracks.values():
            track.offset = round(moved / track.time_base)
        for one in held:
            track = self._tracks[one.packet.stream.index]
            yield one.packet if one.placed else self._placed(track, one.packet), one.first

    def _placed(self, track: _Track, packet: AnyPacket) -> AnyPacket:
        """Move the packet by its stream's offset."""
        _read(track, packet)
        if track.offset:
            if packet.pts is not None:
                packet.pts += track.offset
            if packet.dts is not None:
                packet.dts += track.offset
        time = packet.dts if packet.pts is None else packet.pts
        if time is not None and packet.size:
            end = time + (packet.duration or track.step)
            track.end = end if track.end is None else max(track.end, end)
        return packet


def _read(track: _Track, packet: AnyPacket) -> None:
    if packet.dts is not None and packet.size:
        track.last = packet.dts
        track.step = packet.duration or track.step
