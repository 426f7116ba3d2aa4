"""A track's length in the output: the distances between decoding times, and the last packet's duration."""

from av.packet import Packet

from redactor.video.restarts import AnyPacket
from redactor.video.track_length import TrackLength


def packet(dts: int, pts: int, duration: int) -> AnyPacket:
    made: AnyPacket = Packet(1)
    made.dts, made.pts, made.duration = dts, pts, duration
    return made


def written(*packets: AnyPacket) -> list[AnyPacket]:
    length = TrackLength()
    return [ready for each in packets for ready in length.add(each)] + length.finish()


def length(packets: list[AnyPacket]) -> int:
    first, last = packets[0], packets[-1]
    assert first.dts is not None
    assert last.dts is not None
    return last.dts - first.dts + (last.duration or 0)


def test_packets_pass_in_their_order() -> None:
    packets = [packet(0, 0, 10), packet(10, 30, 10), packet(20, 20, 10)]
    assert written(*packets) == packets


def test_the_last_packet_makes_up_for_distances_that_are_too_short() -> None:
    """Pictures shown for 10, 40 and 10, decoded 10 apart."""
    assert length(written(packet(-10, 0, 10), packet(0, 50, 10), packet(10, 10, 40))) == 60


def test_the_last_packet_makes_up_for_distances_that_are_too_long() -> None:
    packets = written(packet(-40, 0, 40), packet(0, 45, 5), packet(10, 40, 5))
    assert packets[-1].duration == 1
    assert length(packets) == 51  # the nearest to 50


def test_the_last_picture_shown_keeps_its_duration() -> None:
    assert written(packet(0, 0, 10), packet(10, 10, 70))[-1].duration == 70


def test_no_packets_are_no_trouble() -> None:
    assert written() == []
