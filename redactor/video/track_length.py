"""Makes an MP4 track's declared duration exact."""

from redactor.video.restarts import AnyPacket


class TrackLength:
    """Holds a track's latest packet back, to correct the last packet's duration.

    MP4 stores the distances between decoding times, and a duration only for the last packet. With reordered pictures
    at a variable rate, their sum differs from the time that the pictures are shown. The last decoded packet's duration
    corrects the difference, unless that packet is also shown last and needs its own duration.
    """

    def __init__(self) -> None:
        self._held: AnyPacket | None = None
        self._decoded_from: int | None = None
        self._shown_from = 0
        self._shown_until = 0

    def add(self, packet: AnyPacket) -> list[AnyPacket]:
        """Add `packet`. Return the packets to write before it."""
        if packet.pts is not None and packet.dts is not None:
            if self._decoded_from is None:
                self._decoded_from, self._shown_from = packet.dts, packet.pts
            self._shown_from = min(self._shown_from, packet.pts)
            self._shown_until = max(self._shown_until, packet.pts + (packet.duration or 0))
        held, self._held = self._held, packet
        return [held] if held is not None else []

    def finish(self) -> list[AnyPacket]:
        """Return the packet that is still to be written, if there is one."""
        packet = self._held
        if packet is None or packet.pts is None or packet.dts is None or self._decoded_from is None:
            return [packet] if packet is not None else []
        if packet.pts + (packet.duration or 0) < self._shown_until:
            missing = self._shown_until - self._shown_from - (packet.dts - self._decoded_from)
            packet.duration = min(max(1, missing), self._shown_until - packet.pts)
        return [packet]
