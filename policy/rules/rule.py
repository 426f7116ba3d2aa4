"""Rules, and resources in the form that rules check."""

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"azure-native:(\w+)(?:/v\w+)?:(\w+)")


class Unknown(enum.Enum):
    """A value that is unknown in a preview. The update, which knows it, applies the rules again."""

    UNKNOWN = enum.auto()


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True)
class Declared:
    """An Azure resource: its kind without API version, such as `storage:StorageAccount`, and its inputs."""

    kind: str
    inputs: Mapping[str, Any]

    def at(self, path: str) -> Any:
        """Return the input at a path such as `siteConfig.minTlsVersion`, None if there is none, or UNKNOWN."""
        value: Any = self.inputs
        for key in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def each(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Return the known members of the list of maps at a path."""
        value = self.at(path)
        yield from (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else ()


def kind_of(token: str) -> str | None:
    """`azure-native:storage/v20240101:StorageAccount` → `storage:StorageAccount`. None for other providers."""
    matched = _TOKEN.fullmatch(token)
    return f"{matched[1]}:{matched[2]}" if matched else None


@dataclass(frozen=True)
class Rule:
    """A rule of the pack. `breaches` yields one line with the remedy for each breach."""

    name: str
    description: str
    breaches: Callable[[Declared], Iterator[str]]
