"""A stack's configuration: values read by key and checked. A wrong one gives one line."""

import difflib
import ipaddress
import json
import re
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from typing import Protocol

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_RANGE = "a private IPv4 range of /16 to /22, such as 10.60.0.0/16"


class SettingError(pulumi.RunError):
    """A setting that cannot be used. Pulumi prints its one line, without a traceback."""

    def __init__(self, key: str, value: str, allowed: str) -> None:
        super().__init__(f"face-redaction:{key} is {value!r}; allowed: {allowed}")


class UnknownSettingError(pulumi.RunError):
    """A key that is not a setting. Pulumi itself would ignore it."""

    def __init__(self, key: str, known: Collection[str]) -> None:
        near = nearest(key, known)
        meant = f"did you mean {near}?" if near else f"allowed: {', '.join(sorted(known))}"
        super().__init__(f"face-redaction:{key} is not a setting; {meant}")


class Config(Protocol):
    """The part of `pulumi.Config` that is used."""

    def get(self, key: str) -> str | None: ...


def configured_keys(project: str) -> frozenset[str]:
    """Return all keys of the project's namespace with a value in the stack or in Pulumi.yaml."""
    keys = CONFIG.get().keys() | get_config_env().keys()
    return frozenset(key.partition(":")[2] for key in keys if key.startswith(f"{project}:"))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is closest to a misspelt one."""
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else None


class Reader:
    """Reads settings by key. Each method raises SettingError."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def text(self, key: str, pattern: str, allowed: str) -> str:
        value = self._config.get(key) or ""
        if not re.fullmatch(pattern, value):
            raise SettingError(key, value, allowed)
        return value

    def choice[E: StrEnum](self, key: str, choices: type[E]) -> E:
        value = self._config.get(key) or ""
        try:
            return choices(value)
        except ValueError:
            raise SettingError(key, value, ", ".join(choices)) from None

    def number[N: (int, float)](self, key: str, parse: type[N], valid: Callable[[N], bool], allowed: str) -> N:
        value = self._config.get(key) or ""
        try:
            number = parse(value)
        except ValueError:
            raise SettingError(key, value, allowed) from None
        if not valid(number):
            raise SettingError(key, value, allowed)
        return number

    def whole(self, key: str, least: int, most: int) -> int:
        return self.number(key, int, lambda n: least <= n <= most, f"a whole number from {least} to {most}")

    def address_range(self, key: str) -> str:
        value = self._config.get(key) or ""
        try:
            found = ipaddress.IPv4Network(value)
        except ValueError:
            raise SettingError(key, value, _RANGE) from None
        if not found.is_private or not 16 <= found.prefixlen <= 22:
            raise SettingError(key, value, _RANGE)
        return value

    def yes(self, key: str) -> bool:
        value = self._config.get(key) or ""
        if value not in {"true", "false"}:
            raise SettingError(key, value, "true or false")
        return value == "true"

    def items(self, key: str) -> list[str] | None:
        """Return a list from any of its usual spellings, or None.

        These are `config set key '["a", "b"]'`, `config set key a,b`, and `config set --path 'key[0]' a`, which Pulumi
        passes on as the first.
        """
        value = (self._config.get(key) or "").strip()
        if not value.startswith("["):
            return [item.strip() for item in value.split(",")] if value else []
        try:
            items = json.loads(value)
        except ValueError:
            return None
        return items if all(isinstance(item, str) for item in items) else None

    def texts(self, key: str, pattern: str, least: int, allowed: str) -> tuple[str, ...]:
        """Return between `least` and ten different items, regardless of case, that match `pattern`."""
        items = self.items(key)
        if (
            items is None
            or not least <= len(items) <= 10
            or not all(re.fullmatch(pattern, item) for item in items)
            or len({item.lower() for item in items}) != len(items)
        ):
            raise SettingError(key, self._config.get(key) or "", allowed)
        return tuple(items)
