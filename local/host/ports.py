"""Free ports for servers that get their port on the command line."""

import random
import socket
from collections.abc import Iterable
from typing import Final

# Below Linux's ephemeral ports (from 32768), so that no outgoing connection takes a port between its choice here and
# the server's start.
RANGE: Final = range(20_000, 32_768)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return that many different free ports. Raises OSError if there are too few."""
    found: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if len(found) == count:
            return found
        if all_free([port]):
            found.append(port)
    raise OSError(f"no {count} ports of 127.0.0.1 are free between {RANGE.start} and {RANGE.stop - 1}")


def all_free(ports: Iterable[int]) -> bool:
    """Return True if a server could listen on each of the ports of 127.0.0.1 now."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
