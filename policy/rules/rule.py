"""What a rule is, and how it sees a resource."""

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"azure-native:(\w+)(?:/v\w+)?:(\w+)")


class Unknown(enum.Enum):
    """Stands for a value that a preview does not know yet. The update, which knows it, asks the rules again."""

    UNKNOWN = enum.auto()


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True)
class Declared:
    """A resource of Azure: its kind without API version, such as `storage:StorageAccount`, and its inputs."""

    kind: str
    inputs: Mapping[str, Any]

    def at(self, path: str) -> Any:
        """The input at a path such as `siteConfig.minTlsVersion`: None where there is none, or UNKNOWN."""
        value: Any = self.inputs
        for key in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def each(self, path: str) -> Iterator[Mapping[str, Any]]:
        """The known members of the list of maps at a path."""
        value = self.at(path)
        yield from (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else ()


def kind_of(token: str) -> str | None:
    """`azure-native:storage/v20240101:StorageAccount` → `storage:StorageAccount`; None for what is not Azure's."""
    matched = _TOKEN.fullmatch(token)
    return f"{matched[1]}:{matched[2]}" if matched else None


@dataclass(frozen=True)
class Rule:
    """A rule of the pack. `breaches` yields, for each breach, one line that says what to change."""

    name: str
    description: str
    breaches: Callable[[Declared], Iterator[str]]
