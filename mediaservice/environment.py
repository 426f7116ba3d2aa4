"""Reads a process's environment, checks each variable's form, and reports all problems at once."""

import json
import re
import shlex
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from mediaservice.model.transforms import TransformProperties, parse_transform
from mediaservice.model.validation import problem
from mediaservice.names import CONTAINER

HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:]+")


class SettingsError(Exception):
    """All problems of the environment, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Reader:
    """Reads variables and collects problems. A wrong one yields a value that is never used."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def check(self) -> None:
        if self.problems:
            raise SettingsError(self.problems)

    def _value[T](self, name: str, allowed: str, parse: Callable[[str], T], bad: T, default: str = "") -> T:
        text = self._environment.get(name, "").strip() or default
        if not text:
            self.problems.append(f"{name} is not set; it must be {allowed}")
            return bad
        try:
            return parse(text)
        except ValueError as error:
            detail = str(error)
            self.problems.append(f"{name} is {text!r}; it must be {detail or allowed}")
            return bad

    def text(self, name: str, allowed: str, form: re.Pattern[str] | None = None, default: str = "") -> str:
        def parse(text: str) -> str:
            if form and not form.fullmatch(text):
                raise ValueError
            return text

        return self._value(name, allowed, parse, "", default)

    def number(self, name: str, low: int, high: int, *, default: int) -> int:
        allowed = f"a whole number from {low} to {high}"

        def parse(text: str) -> int:
            if not text.isdecimal() or not low <= int(text) <= high:
                raise ValueError
            return int(text)

        return self._value(name, allowed, parse, default, str(default))

    def guid(self, name: str) -> str:
        def parse(text: str) -> str:
            try:
                return str(uuid.UUID(text))
            except ValueError:
                raise ValueError from None

        return self._value(name, "a GUID", parse, "")

    def optional_guid(self, name: str) -> str | None:
        return self.guid(name) if self._environment.get(name, "").strip() else None

    def url(self, name: str, default: str = "") -> str:
        def parse(text: str) -> str:
            parts = urlsplit(text)
            if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
                raise ValueError
            return text.rstrip("/")

        return self._value(name, "an https address", parse, "", default)

    def optional_url(self, name: str) -> str | None:
        return self.url(name) if self._environment.get(name, "").strip() else None

    def optional_text(self, name: str, allowed: str, form: re.Pattern[str]) -> str | None:
        return self.text(name, allowed, form) if self._environment.get(name, "").strip() else None

    def words(self, name: str) -> tuple[str, ...]:
        def parse(text: str) -> tuple[str, ...]:
            words = tuple(word.strip() for word in text.split(",") if word.strip())
            if not words:
                raise ValueError
            return words

        return self._value(name, "one or more audiences, separated by commas", parse, ())

    def hosts(self, name: str) -> tuple[str, ...]:
        """Read a list, empty if the variable is not set."""

        def parse(text: str) -> tuple[str, ...]:
            hosts = tuple(word.strip().lower().strip(".") for word in text.split(",") if word.strip())
            if not all(HOST.fullmatch(host) for host in hosts):
                raise ValueError
            return hosts

        return self._value(name, "host names without scheme and port, separated by commas", parse, (), default=",")

    def containers(self, name: str) -> frozenset[str]:
        """Read a list, empty if the variable is not set."""

        def parse(text: str) -> frozenset[str]:
            containers = frozenset(word.strip() for word in text.split(",") if word.strip())
            if not all(CONTAINER.fullmatch(container) for container in containers):
                raise ValueError
            return containers

        return self._value(name, "names of blob containers, separated by commas", parse, frozenset(), default=",")

    def command(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        return self._value(name, "a command line", lambda text: tuple(shlex.split(text)), default, shlex.join(default))

    def transforms(self, name: str) -> Mapping[str, TransformProperties]:
        def parse(text: str) -> dict[str, TransformProperties]:
            try:
                declared: Any = json.loads(text)
            except json.JSONDecodeError as error:
                raise ValueError(f"JSON: {error}") from None
            if not isinstance(declared, dict):
                raise ValueError
            transforms: dict[str, TransformProperties] = {}
            for key, properties in declared.items():
                try:
                    transforms[key] = parse_transform(properties)
                except ValidationError as error:
                    raise ValueError(f"valid: {key}: {problem(error)}") from None
                except ValueError as error:
                    raise ValueError(f"valid: {key}: {error}") from None
            return transforms

        return self._value(name, "a JSON object of transform names and properties", parse, {}, default="{}")
