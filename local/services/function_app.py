"""A Function App: its unpacked archive, served by function_host.py in a process of its own."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from local.host import processes

START_SECONDS = 60.0


@dataclass(frozen=True)
class IndexedFunction:
    name: str
    trigger: str
    schedule: str | None = None  # of a timer, in six fields


class FunctionApp:
    """A running Function App, as a context manager, with `settings` as its whole environment.

    `package` is the folder of the unpacked archive. Raises processes.ProcessError if the host does not start. An
    application without functions starts, and `error` has the reason.
    """

    def __init__(self, package: Path, settings: Mapping[str, str], *, log: Path) -> None:
        self._package = package
        self._settings = settings
        self._log = log
        self._process: processes.Process | None = None
        self._port = 0
        self.functions: tuple[IndexedFunction, ...] = ()
        self.error: str | None = None

    @property
    def process(self) -> processes.Process:
        assert self._process, "the function app is not running"
        return self._process

    def endpoint(self, function: str) -> str:
        """Return the address that a function's events are posted to."""
        return f"http://127.0.0.1:{self._port}/functions/{function}"

    def __enter__(self) -> Self:
        host = Path(__file__).with_name("function_host.py")
        command = [sys.executable, "-I", "-S", str(host), str(self._package)]
        said = self._log.with_suffix(".json")
        self._process = processes.start(
            "The function app", command, environment=self._settings, log=self._log, output=said
        )
        try:
            line = self._process.until(lambda: _announcement(said), START_SECONDS)
        except BaseException:
            self._process.stop()
            raise
        announced = json.loads(line)
        self._port = announced["port"]
        self.functions = tuple(IndexedFunction(**function) for function in announced["functions"])
        self.error = announced["error"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()


def _announcement(file: Path) -> str | None:
    text = file.read_text()
    return text if text.endswith("\n") else None
