"""Reading JSON documents, and writing files whole. An error names the file, the member and its place."""

import json
import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Any

from redactor.errors import ConfigurationUnsupported, RedactionError


class Reader:
    """Takes values out of a parsed document. All methods raise ConfigurationUnsupported for a wrong value."""

    def __init__(self, name: str) -> None:
        """`name` is the file's, for messages."""
        self.name = name

    def refused(self, what: str) -> ConfigurationUnsupported:
        return ConfigurationUnsupported(f"{self.name}: {what}")

    def mapping(self, value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.refused(f"{place} must be an object")
        return value

    def sequence(self, value: Any, place: str) -> list[Any]:
        if not isinstance(value, list):
            raise self.refused(f"{place} must be a list")
        return value

    def only(self, holder: dict[str, Any], allowed: Collection[str], place: str) -> None:
        """Refuse members with other names."""
        if unknown := sorted(holder.keys() - set(allowed)):
            raise self.refused(f"{place} has {unknown[0]!r}, allowed: {', '.join(allowed)}")

    def number(self, holder: dict[str, Any], key: str, place: str) -> float:
        value = holder.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**63:
            raise self.refused(f"{key} of {place} is {value!r}, must be a number")
        return value

    def whole(self, holder: dict[str, Any], key: str, place: str) -> int:
        value = self.number(holder, key, place)
        if value != int(value):
            raise self.refused(f"{key} of {place} is {value:g}, must be whole")
        return int(value)

    def positive(self, holder: dict[str, Any], key: str, place: str) -> int:
        value = self.number(holder, key, place)
        if value <= 0 or value != int(value):
            raise self.refused(f"{key} of {place} is {value:g}, must be whole and above 0")
        return int(value)


def parsed(path: Path) -> Any:
    """Parse a file. Raise ConfigurationUnsupported if it cannot be read, or is not JSON."""
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigurationUnsupported(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationUnsupported(f"{path.name}: not JSON ({error})") from error


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write completely or not at all, and keep it through a loss of power. `private`: for its owner alone.

    Raises RedactionError.
    """
    partial = path.with_name(
        f".redactor.{secrets.token_hex(8)}.part"
    )  # which a later run removes if this one is killed
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(partial, flags, 0o600 if private else 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RedactionError(f"{path}: cannot be written ({error.strerror})") from error
