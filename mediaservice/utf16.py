"""Text lengths in UTF-16 code units, as Azure Tables counts them. An emoji has two."""

import re
from typing import Any

HALF_PAIR = re.compile("[\ud800-\udfff]")


def units(text: str) -> int:
    """Return the number of UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def pieces(text: str, most: int) -> list[str]:
    """Split `text` into pieces of at most `most` units (2 or more), without dividing a character."""
    if text.isascii():
        return [text[start : start + most] for start in range(0, len(text), most)]
    found: list[str] = []
    encoded = text.encode("utf-16-le", "surrogatepass")
    start = 0
    while start < len(encoded):
        end = min(start + 2 * most, len(encoded))
        if end < len(encoded) and 0xD8 <= encoded[end - 1] <= 0xDB:  # the first half of a pair
            end -= 2
        found.append(encoded[start:end].decode("utf-16-le", "surrogatepass"))
        start = end
    return found


def cut(text: str, most: int) -> str:
    """Return `text`, or its beginning and an ellipsis, in at most `most` units (3 or more)."""
    return text if units(text) <= most else f"{pieces(text, most - 1)[0]}…"


def has_half_pair(value: Any) -> bool:
    """Return True if a text anywhere in a JSON value cannot be written as UTF-8."""
    match value:
        case str():
            return HALF_PAIR.search(value) is not None
        case dict():
            return any(has_half_pair(each) for pair in value.items() for each in pair)
        case list():
            return any(map(has_half_pair, value))
        case _:
            return False
