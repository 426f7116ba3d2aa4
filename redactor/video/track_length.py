"""The time that a track says it takes."""

from redactor.video.source import AnyPacket


class TrackLength:
    """Holds the latest packet of a track back, so that the last one's duration can make the track's length right.

    MP4 keeps no durations but distances of decoding times, and a duration of the last. Pictures that are reordered
    at a variable rate add up to more or less time than is shown; the last one decoded makes up for it, unless it is
    the last one shown, whose duration is its own.
    """

    def __init__(self) -> None:
        self._held: AnyPacket | None = None
        self._decoded_from: int | None = None
        self._shown_from = 0
        self._shown_until = 0

    def add(self, packet: AnyPacket) -> list[AnyPacket]:
        """The packets to write before `packet`."""
        if packet.pts is not None and packet.dts is not None:
            if self._decoded_from is None:
                self._decoded_from, self._shown_from = packet.dts, packet.pts
            self._shown_from = min(self._shown_from, packet.pts)
            self._shown_until = max(self._shown_until, packet.pts + (packet.duration or 0))
        held, self._held = self._held, packet
        return [held] if held is not None else []

    def finish(self) -> list[AnyPacket]:
        """The packet still to write, if there is one."""
        packet = self._held
        if packet is None or packet.pts is None or packet.dts is None or self._decoded_from is None:
            return [packet] if packet is not None else []
        if packet.pts + (packet.duration or 0) < self._shown_until:
            missing = self._shown_until - self._shown_from - (packet.dts - self._decoded_from)
            packet.duration = min(max(1, missing), self._shown_until - packet.pts)
        return [packet]
