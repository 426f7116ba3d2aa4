"""Ports for servers that learn theirs from their command line, and so cannot ask the system for a free one."""

import random
import socket
from collections.abc import Iterable
from typing import Final

# Below the ports that Linux gives to outgoing connections and to those who ask for any (from 32768): between a port's
# choice here and the server's start nobody takes it but another such server, at random as well.
RANGE: Final = range(20_000, 32_768)


def free_port() -> int:
    """One that nobody listens on at 127.0.0.1."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """As many different ones. Raises OSError when there are too few."""
    found: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if len(found) == count:
            return found
        if all_free([port]):
            found.append(port)
    raise OSError(f"no {count} ports of 127.0.0.1 are free between {RANGE.start} and {RANGE.stop - 1}")


def all_free(ports: Iterable[int]) -> bool:
    """Whether a server could listen on each of them at 127.0.0.1 now."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
