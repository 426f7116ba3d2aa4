"""Table keys. A name's key ignores case, as Azure Resource Manager does, and has only characters allowed in keys.

Row keys begin with the letter of their order and a bar: `n` by name (the entity itself), `c` newest first,
`o` oldest first, `s` by state and newest first, `w` waiting jobs by priority and oldest first, `i` by asset id,
`a` by alternate id, `e` events not yet published, oldest first, `d` deleted transforms with such events, `f` jobs
that could not be taken, `u` assets' containers.
"""

import hashlib
from datetime import UTC, datetime

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_ ,;@()[]{}!$^~")
LONGEST = 300  # of the 512 characters that a key may have
END = "}"  # sorts behind the bar, and so behind every key with the same prefix
LAST_MICROSECOND = 10**18 - 1  # far behind the year 9999, the last of datetime


def of_name(name: str) -> str:
    """Return a name's key. Other characters become `=` and their UTF-8 bytes; long keys are cut and get a digest."""
    key = "".join(
        character if character in PLAIN else "".join(f"={byte:02x}" for byte in character.encode())
        for character in name.lower()
    )
    return key if len(key) <= LONGEST else f"{key[: LONGEST - 41]}~{_digest(key, 40)}"


def by_name(name: str) -> str:
    return f"n|{of_name(name)}"


def newest_first(prefix: str, created: datetime, name: str) -> str:
    return f"{prefix}|{inverted(created)}|{_digest(of_name(name), 16)}"


def oldest_first(prefix: str, created: datetime, name: str) -> str:
    return f"{prefix}|{straight(created)}|{_digest(of_name(name), 16)}"


def outbox(time: datetime, event: str) -> str:
    return f"e|{straight(time)}|{event}"


def deleted(name: str) -> str:
    return f"d|{of_name(name)}"


def set_aside(name: str) -> str:
    return f"f|{of_name(name)}"


def of_container(container: str) -> str:
    return f"u|{container}"


def by_value(letter: str, value: str, name: str) -> str:
    return f"{letter}|{_digest(value, 32)}|{_digest(of_name(name), 16)}"


def value_prefix(letter: str, value: str) -> str:
    return f"{letter}|{_digest(value, 32)}"


def straight(time: datetime) -> str:
    return f"{_microseconds(time):018d}"


def inverted(time: datetime) -> str:
    return f"{LAST_MICROSECOND - _microseconds(time):018d}"


def _microseconds(time: datetime) -> int:
    delta = time - datetime(1970, 1, 1, tzinfo=UTC)
    return max(0, (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
