"""`python -m local` as a process of its own, all of whose descendants can be recognised."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

PROGRAM = Path(__file__).parents[2]


class Command:
    """Runs from `with` until its end; what it has written is in `output` and `errors`, all of it after the end.

    `folder` is its temporary folder, which is named in the environment or the command line of all that it starts.
    """

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.folder = folder / "temporary"
        self.folder.mkdir()
        self._arguments = [sys.executable, "-m", "local", *map(str, arguments)]
        self._written: list[list[str]] = [[], []]

    @property
    def output(self) -> str:
        return "".join(self._written[0])

    @property
    def errors(self) -> str:
        return "".join(self._written[1])

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, within: float) -> int:
        """Return the exit code."""
        return self._process.wait(within)

    def children(self) -> list[str]:
        """Return the command lines of all its descendants that run now."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                line = " ".join(process.cmdline())
                if process.pid != self._process.pid and str(self.folder) in f"{line} {process.environ()}":
                    found.append(line)
        return found

    def temporary_files(self) -> list[str]:
        return [path.name for path in self.folder.iterdir()]

    def __enter__(self) -> Self:
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # without bytecode every start takes seconds longer
        self._process = subprocess.Popen(
            self._arguments, cwd=PROGRAM, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdout
        assert self._process.stderr
        self._readers = [
            threading.Thread(target=written.extend, args=(stream,))
            for written, stream in zip(self._written, (self._process.stdout, self._process.stderr), strict=True)
        ]
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream
            stream.close()
