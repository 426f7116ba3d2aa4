"""Compact text for many file names: an analysis leaves thousands, which differ in a number.

Each name is the length of the prefix that it shares with the previous one, and the rest: `0:a_1.jpg/2:2.jpg`.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

SEPARATOR = "/"  # occurs in no file name


def shortened(names: Iterable[str]) -> str:
    parts: list[str] = []
    former = ""
    for name in names:
        shared = next((at for at, (one, other) in enumerate(zip(former, name, strict=False)) if one != other), None)
        shared = min(len(former), len(name)) if shared is None else shared
        parts.append(f"{shared}:{name[shared:]}")
        former = name
    return SEPARATOR.join(parts)


def written_out(text: str) -> tuple[str, ...]:
    names: list[str] = []
    former = ""
    for part in text.split(SEPARATOR) if text else ():
        shared, _, rest = part.partition(":")
        former = former[: int(shared)] + rest
        names.append(former)
    return tuple(names)


def _read(value: Any) -> Any:
    return written_out(value) if isinstance(value, str) else value  # earlier versions wrote all names in full


FileNames = Annotated[tuple[str, ...], BeforeValidator(_read), PlainSerializer(shortened)]
