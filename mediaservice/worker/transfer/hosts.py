"""Which machines a worker connects to for an input: public ones, and those that its settings name.

An address that a client may choose must not reach what only the worker can: its own network, the metadata service
that gives out its identity's tokens, Azure's host. A name is resolved once, every address that it has is checked,
and the connection goes to an address that was checked, so a name cannot mean something else a moment later.
"""

import asyncio
import ipaddress
import socket

from mediaservice.settings import Inputs

# Public by number only: Azure's virtual host address (learn.microsoft.com: "What is IP address 168.63.129.16?").
AZURE_HOST = ipaddress.IPv4Address("168.63.129.16")
# All else of IPv6 is no unicast address of the Internet, or carries an IPv4 address within. Of this, protocols' own
# ranges, documentation and 6to4 are not reached either (IANA: IPv6 Special-Purpose Address Registry).
UNICAST = ipaddress.IPv6Network("2000::/3")
RESERVED = tuple(
    ipaddress.IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # before an IPv4 address in the last 32 bits (RFC 5214)


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
    if isinstance(address, ipaddress.IPv4Address):
        return _is_public_v4(address)
    if address.ipv4_mapped:
        return _is_public_v4(address.ipv4_mapped)
    if address not in UNICAST or not address.is_global or any(address in network for network in RESERVED):
        return False
    low = int(address) & (2**64 - 1)
    return low >> 32 not in ISATAP or _is_public_v4(ipaddress.IPv4Address(low & (2**32 - 1)))


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and address != AZURE_HOST
