"""Child processes that always end with their parent, each with a log."""

import atexit
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

START_GATE = Path(__file__).with_name("start_gate.py")
POLL_SECONDS = 0.02
TAIL_BYTES = 16_384


class ProcessError(Exception):
    """A child ended early or did not become ready. The message carries the tail of its log."""


class Process:
    """A running child in its own process group. As a context manager, it is stopped on exit."""

    def __init__(self, name: str, child: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._child = child
        self._held = True
        _child_reaper().hold(self)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs, negative if a signal ended it."""
        code = self._child.poll()
        if code is not None and self._held and not _group_alive(self.pid):
            self._release()
        return code

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def wait(self, seconds: float) -> int:
        """Return the exit code. Raises TimeoutError if it still runs after `seconds`."""
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs after {seconds:g} s") from None
        code = self.exit_code
        assert code is not None
        return code

    def until[T](self, condition: Callable[[], T | None], within: float) -> T:
        """Poll `condition` until its result is true, and return that.

        Raises ProcessError if the process ends first or `within` seconds pass.
        """
        deadline = time.monotonic() + within
        while True:
            running = self.running  # read before the condition, which may have become true just before the end
            if value := condition():
                return value
            if not running:
                raise ProcessError(f"{self.name} ended with exit code {self.exit_code}{self._said()}")
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name} was not ready after {within:g} s{self._said()}")
            time.sleep(POLL_SECONDS)

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def memory(self) -> int:
        """Return the resident bytes of the process and its descendants. Shared pages count for each."""
        try:
            root = psutil.Process(self.pid)
            members = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        total = 0
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += int(member.memory_info().rss)
        return total

    def ask_to_stop(self) -> None:
        """Send SIGTERM, without waiting."""
        if self._child.poll() is None:
            self._child.terminate()

    def stop(self, grace: float = 5.0) -> int:
        """Send SIGTERM to the process, then SIGKILL to the rest of its group after `grace` seconds.

        SIGTERM goes to the process alone, which decides about its own children.
        """
        if self._child.poll() is None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(grace)
        if self._held:  # once released, the number may belong to another group
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._release()
        return self._child.wait()

    def _release(self) -> None:
        self._held = False
        _child_reaper().release(self.pid)

    def _said(self) -> str:
        tail = self.tail()
        return f"; its log ({self.log}) ends with:\n{tail}" if tail else f"; its log ({self.log}) is empty"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path | None = None,
    output: Path | None = None,
) -> Process:
    """Start `command` with exactly `environment`.

    Standard error is appended to `log`, as is standard output unless a file `output` is given, which is emptied
    first. Standard input is empty.
    """
    if not shutil.which(command[0], path=environment.get("PATH", os.defpath)):
        raise ProcessError(f"{name} cannot be started: there is no program {command[0]}")
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as files:
        errors = files.enter_context(log.open("ab"))
        out = files.enter_context(output.open("wb")) if output else errors
        read_end, write_end = os.pipe()
        files.callback(os.close, read_end)
        files.callback(os.close, write_end)
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(START_GATE), str(read_end), *command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            start_new_session=True,
            pass_fds=[read_end],
        )
        process = Process(name, child, log)
        os.write(write_end, b".")
        return process


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


class _ChildReaper:
    """The process that ends all children when this one has ended; see child_reaper.py."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("child_reaper.py")
        self._lock = threading.Lock()
        self._held: dict[int, Process] = {}
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)], stdin=subprocess.PIPE, start_new_session=True
        )
        atexit.register(self._close)

    def hold(self, process: Process) -> None:
        with self._lock:
            self._held[process.pid] = process
            self._write(f"+{process.pid}\n")

    def release(self, group: int) -> None:
        with self._lock:
            if self._held.pop(group, None):
                self._write(f"-{group}\n")

    def _write(self, line: str) -> None:
        assert self._child.stdin
        self._child.stdin.write(line.encode())
        self._child.stdin.flush()

    def _close(self) -> None:
        for process in reversed(list(self._held.values())):
            process.stop()
        assert self._child.stdin
        self._child.stdin.close()
        self._child.wait()


@functools.cache
def _child_reaper() -> _ChildReaper:
    return _ChildReaper()
