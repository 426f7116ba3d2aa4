"""MPEG-TS packets, ISO/IEC 13818-1: how long they are, and where one recording ends and another begins."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

SYNC: Final = 0x47
PACKETS: Final = ((188, 0), (192, 4), (204, 0))  # length, and where in it the sync byte is
TABLE_PID: Final = 0  # of the program association table, which every recording begins with
LOOKED_AT: Final = 16 * 2**20  # bytes: more than any picture takes
LOOKED_BACK: Final = 8 * 2**20  # bytes: tables come at least twice a second
COUNTER: Final = 16  # values


def packet_shape(head: bytes) -> tuple[int, int] | None:
    """Return the length of the packets that `head` begins with, and the sync byte's place in them."""
    for length, sync in PACKETS:
        if len(head) > 4 * length and all(head[sync + n * length] == SYNC for n in range(4)):
            return length, sync
    return None


def is_joint(path: Path, position: int, pid: int) -> bool:
    """Return whether the counter of `pid`'s packets breaks behind `position` because another recording begins there.

    Then the packets go on with a new picture or sound, behind tables whose counters begin anew as well. Where packets
    were lost, they go on within one, or the tables' counters go on.
    """
    tables: list[int] = []  # counters of the tables since the latest packet of `pid`
    latest_table = latest = None
    for at, number, counter, begins in _packets(path, max(0, position - LOOKED_BACK)):
        if number == TABLE_PID:
            tables.append(counter)
        elif number == pid:
            if at > position and latest is not None and counter != (latest + 1) % COUNTER:
                if not tables or latest_table is None:
                    return False
                steps = pairwise((latest_table, *tables))
                anew = any(after != (before + 1) % COUNTER for before, after in steps)
                return begins and (anew or tables[-1] == counter == 0)
            latest = counter
            latest_table = tables[-1] if tables else latest_table
            tables = []
    return False


def _packets(path: Path, position: int) -> Iterator[tuple[int, int, int, bool]]:
    """Yield place, PID, counter and whether something begins in it of each packet with a payload from there on."""
    with path.open("rb") as file:
        shape = packet_shape(file.read(PACKETS[-1][0] * 8))
        if shape is None:
            return
        length, sync = shape
        first = position - position % length
        file.seek(first)
        for at in range(first, first + LOOKED_BACK + LOOKED_AT, length):
            packet = file.read(length)
            if len(packet) < length or packet[sync] != SYNC:
                return
            if packet[sync + 3] & 0x10:
                pid = int.from_bytes(packet[sync + 1 : sync + 3]) & 0x1FFF
                yield at, pid, packet[sync + 3] & 0x0F, bool(packet[sync + 1] & 0x40)
