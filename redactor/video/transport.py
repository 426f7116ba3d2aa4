"""MPEG-TS packets (ISO/IEC 13818-1): their length, and the joints between recordings."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

SYNC: Final = 0x47
PACKETS: Final = ((188, 0), (192, 4), (204, 0))  # packet length, and the sync byte's offset in it
TABLE_PID: Final = 0  # the program association table, with which every recording begins
LOOKED_AT: Final = 16 * 2**20  # bytes read after the position; no picture is larger
LOOKED_BACK: Final = 8 * 2**20  # bytes read before it; tables come at least twice a second
COUNTER: Final = 16  # number of the continuity counter's values


def packet_shape(head: bytes) -> tuple[int, int] | None:
    """Return the packets' length and the sync byte's offset, or None if `head` does not begin with packets."""
    for length, sync in PACKETS:
        if len(head) > 4 * length and all(head[sync + n * length] == SYNC for n in range(4)):
            return length, sync
    return None


def joint(path: Path, position: int, pid: int) -> int | None:
    """Return where the counter of `pid`'s packets jumps after `position` because another recording begins, or None.

    At a joint, the packets continue with a new picture or sound, after tables whose counters restart too. After a loss
    of packets, they continue within a picture or sound, or the tables' counters continue.
    """
    tables: list[int] = []  # counters of the tables since the latest packet of `pid`
    latest_table = latest = None
    for at, number, counter, begins in _packets(path, max(0, position - LOOKED_BACK)):
        if number == TABLE_PID:
            tables.append(counter)
        elif number == pid:
            if at > position and latest is not None and counter != (latest + 1) % COUNTER:
                if not tables or latest_table is None:
                    return None
                steps = pairwise((latest_table, *tables))
                anew = any(after != (before + 1) % COUNTER for before, after in steps)
                return at if begins and (anew or tables[-1] == counter == 0) else None
            latest = counter
            latest_table = tables[-1] if tables else latest_table
            tables = []
    return None


def has_stuffing(data: bytes, length: int, sync: int, pid: int) -> bool:
    """Return True if the last packet of `pid` in `data`, packets of `length` bytes, is filled up with stuffing."""
    for at in range(len(data) - length + sync, -1, -length):
        if data[at] != SYNC or int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF != pid or not data[at + 3] & 0x10:
            continue
        if not data[at + 3] & 0x20:
            return False
        adaptation, flags = data[at + 4], data[at + 5]
        clocks = 6 * (bool(flags & 0x10) + bool(flags & 0x08))
        if not adaptation:
            return True
        return adaptation > 1 + clocks and not flags & 0x07  # with other fields, the length of stuffing is unclear
    return False


def _packets(path: Path, position: int) -> Iterator[tuple[int, int, int, bool]]:
    """Yield position, PID, counter and start flag of each packet with a payload, from `position` on."""
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
