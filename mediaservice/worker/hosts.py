"""Which machines a worker connects to for an input: public ones, and those that its settings name.

An address that a client may choose must not reach what only the worker can: its own network, the metadata service
that gives out its identity's tokens, Azure's host. A name is resolved once, every address that it has is checked,
and the connection goes to an address that was checked, so a name cannot mean something else a moment later.
"""

import asyncio
import ipaddress
import socket

from mediaservice.settings import Inputs

# Public by number only: Azure's virtual host address, and ranges that carry an IPv4 address within
# (learn.microsoft.com: "What is IP address 168.63.129.16?"; RFC 6052, RFC 3056, RFC 4380).
REFUSED = tuple(ipaddress.ip_network(text) for text in ("168.63.129.16/32", "64:ff9b::/96", "2002::/16", "2001::/32"))


class RefusedHostError(Exception):
    """Not a host that inputs may come from; the message is meant for the client."""


class UnknownHostError(Exception):
    """The name has no address, or not now."""


async def checked_addresses(inputs: Inputs, host: str, port: int) -> list[str]:
    """All of the host's addresses. Raises RefusedHostError and UnknownHostError."""
    named = (host, port) == inputs.own or _is_listed(host, inputs.hosts)
    if inputs.hosts and not named:
        raise RefusedHostError(f"its host '{host}' is not one that this account takes inputs from")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnknownHostError(f"its host '{host}' was not found") from None
    addresses = [str(where[0]) for *_, where in found]
    if not named and not all(_is_public(address) for address in addresses):
        raise RefusedHostError(f"its host '{host}' has an address that is not public")
    return addresses


def _is_listed(host: str, listed: tuple[str, ...]) -> bool:
    """A listed name stands for itself and for every name below it."""
    host = host.lower().rstrip(".")
    return any(host == each or host.endswith(f".{each}") for each in listed)


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not address.is_global or address.is_multicast:
        return False
    return not any(address.version == network.version and address in network for network in REFUSED)
