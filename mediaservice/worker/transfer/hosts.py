"""The hosts that a worker connects to for an input: public ones, and those in its settings.

A client's address must not reach hosts that only the worker can: its network, the metadata service that issues its
identity's tokens, Azure's host. A name is resolved once, all of its addresses are checked, and the connection goes to
a checked address, so that the name cannot resolve differently a moment later.
"""

import asyncio
import ipaddress
import socket

from mediaservice.settings import Inputs

# A public number, but Azure's virtual host (learn.microsoft.com: "What is IP address 168.63.129.16?").
AZURE_HOST = ipaddress.IPv4Address("168.63.129.16")
# Other IPv6 addresses are not unicast addresses of the Internet, or contain an IPv4 address. Within this range,
# protocol assignments, documentation and 6to4 are excluded (IANA: IPv6 Special-Purpose Address Registry).
UNICAST = ipaddress.IPv6Network("2000::/3")
RESERVED = tuple(
    ipaddress.IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # before an IPv4 address in the last 32 bits (RFC 5214)


class RefusedHostError(Exception):
    """A host that inputs may not come from. The message is for the client."""


class UnknownHostError(Exception):
    """The name has no address, at least at the moment."""


async def checked_addresses(inputs: Inputs, host: str, port: int) -> list[str]:
    """Return all of the host's addresses. Raises RefusedHostError and UnknownHostError."""
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
    """Return True for a listed name and its subdomains."""
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
