"""The engine as a child process: its progress, result and errors are lines of JSON on its standard output."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.settings import Work
from mediaservice.worker.disk import Disk
from mediaservice.worker.sandbox.descendants import end_group, end_orphans
from mediaservice.worker.sandbox.lines import last_line, lines
from mediaservice.worker.sandbox.memory import machine_bytes, resident_bytes

CONFINE = Path(__file__).with_name("confine.py")
ROOT = Path(__file__).parents[3]
STOP_SECONDS = 2.0
EXIT_SECONDS = 0.02
USERS_FAULT = 2
BARE_FACES = 3  # the exit code of `verify` if it has found some
MEMORY_SHARE = 0.8  # of the memory; the rest is for the worker and the system
MEMORY_SECONDS = 0.25
DISK_SECONDS = 1.0
REPORTED = frozenset(
    {
        ErrorCode.CONTENT_MALFORMED,
        ErrorCode.CONTENT_UNSUPPORTED,
        ErrorCode.CONFIGURATION_UNSUPPORTED,
        ErrorCode.SERVICE_ERROR,
    }
)


@dataclass(frozen=True)
class EngineResult:
    """The engine's result. `bare_faces` is for verifications only; `first_bare` describes the first one's place."""

    frames: int
    frames_with_faces: int = 0
    faces: int = 0
    doubtful_places: int = 0
    bare_faces: int | None = None
    first_bare: str = ""


class _Report:
    """The child's messages so far."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress = progress
        self.result: EngineResult | None = None
        self.error: tuple[ErrorCode, str] | None = None

    def line(self, text: bytes) -> None:
        try:
            said: Any = json.loads(text)
            if isinstance(said, dict):
                self._take(said)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
            return  # not a message of the engine

    def _take(self, said: dict[str, Any]) -> None:
        if "progress" in said:
            self._progress(min(100.0, max(0.0, float(said["progress"]))))
        elif "result" in said:
            result = said["result"]
            if "bareFaces" in result:
                self.result = _verification(result)
                return
            self.result = EngineResult(
                frames=int(result["frames"]),
                frames_with_faces=int(result["framesWithFaces"]),
                faces=int(result["faces"]),
                doubtful_places=int(result.get("doubtfulPlaces", 0)),
            )
        elif "error" in said:
            code = next((code for code in REPORTED if code == said["error"].get("code")), ErrorCode.SERVICE_ERROR)
            self.error = (code, str(said["error"].get("message")))


def _verification(result: dict[str, Any]) -> EngineResult:
    bare = int(result["bareFaces"])
    if not bare:
        return EngineResult(int(result["frames"]), bare_faces=0)
    first = result["bare"][0]
    x, y = (float(first[side]) + float(first[length]) / 2 for side, length in (("x", "width"), ("y", "height")))
    where = (
        f"at {float(first['time']):.2f} s (frame {int(first['frame'])}), {x:.0%} from the left, {y:.0%} from the top"
    )
    return EngineResult(int(result["frames"]), bare_faces=bare, first_bare=where)


async def run_engine(
    settings: Work,
    arguments: Sequence[str],
    folder: Path,
    shown: Mapping[Path, str],
    progress: Callable[[float], None],
) -> EngineResult:
    """Run the engine in `folder`. Messages name paths by `shown`. Raises JobFailedError. Canceling ends the child."""
    report = _Report(progress)
    limits = settings.limits
    most = limits.memory_bytes or int(machine_bytes() * MEMORY_SHARE)
    confinement = [sys.executable, "-I", "-S", str(CONFINE), str(limits.cpu_seconds), str(limits.file_bytes)]
    child = await asyncio.create_subprocess_exec(
        *confinement,
        *settings.engine_command,
        *arguments,
        "--progress",
        "json",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=folder,
        env=_environment(folder, most),
        start_new_session=True,
    )
    disk = Disk(folder, limits.disk_bytes)
    watching = asyncio.create_task(_watch_memory(child, most))
    watching_disk = asyncio.create_task(_watch_disk(child, disk))
    assert child.stdout
    assert child.stderr
    listening = asyncio.gather(_listen(child.stdout, report), last_line(child.stderr))
    # Nobody awaits it once the engine is stopped: its end is not an error that asyncio should log.
    listening.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        code = await _ended(child)
        end_group(child.pid)
        end_orphans()  # they may hold the pipes open
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(listening), STOP_SECONDS)
        last_words = listening.result()[1] if listening.done() else ""
    finally:
        watching.cancel()
        watching_disk.cancel()
        listening.cancel()
        await _stop(child)
    if report.result and code == (BARE_FACES if report.result.bare_faces else 0):
        return report.result
    if _has_ended(watching_disk):
        raise disk.refusal("The redacted video does not fit beside the input", ErrorCode.SERVICE_ERROR)
    if _has_ended(watching):
        raise JobFailedError(
            ErrorCode.SERVICE_ERROR, f"The redaction engine used more than {most:,} bytes of memory and was ended."
        )
    raise _failure(code, report, last_words, settings, shown)


async def _listen(stream: asyncio.StreamReader, report: _Report) -> None:
    async for line in lines(stream):
        report.line(line)


async def _watch_memory(child: Process, most: int) -> None:
    """Kill the child when it uses more than `most` bytes, and return.

    Resident memory is measured. The kernel could limit the address space, but threads and allocators reserve far more
    of that than they use.
    """
    while resident_bytes(child.pid) <= most:
        await asyncio.sleep(MEMORY_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        child.kill()


async def _watch_disk(child: Process, disk: Disk) -> None:
    """Kill the child when the disk is full, and return."""
    while not await asyncio.to_thread(lambda: disk.full):
        await asyncio.sleep(DISK_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        child.kill()


def _has_ended(watching: "asyncio.Task[None]") -> bool:
    """Return True if a watch has ended by itself, which means that it has killed the child."""
    return watching.done() and not watching.cancelled() and watching.exception() is None


def _failure(code: int, report: _Report, last_words: str, settings: Work, shown: Mapping[Path, str]) -> JobFailedError:
    if code == -signal.SIGXCPU:
        reason = f"used more than {settings.limits.cpu_seconds} s of processor time and was ended"
        return JobFailedError(ErrorCode.SERVICE_ERROR, f"The redaction engine {reason}.")
    if code < 0:
        return JobFailedError(ErrorCode.SERVICE_ERROR, f"The redaction engine was ended by signal {-code}.")
    error, message = report.error or (
        ErrorCode.CONTENT_MALFORMED if code == USERS_FAULT else ErrorCode.SERVICE_ERROR,
        last_words.removeprefix("error: ") or f"The redaction engine ended with exit code {code} and no result.",
    )
    for path, name in shown.items():
        message = message.replace(str(path), name).replace(path.name, name)
    return JobFailedError(error, message)


def _environment(folder: Path, memory_bytes: int) -> dict[str, str]:
    """Return the child's environment, without the worker's identity endpoint and settings."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "REDACTOR_MEMORY_BYTES": str(memory_bytes),  # what would need more is refused before it is decoded
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }


async def _stop(child: Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_ended(child), STOP_SECONDS)
    end_group(child.pid)
    await _ended(child)
    end_orphans()


async def _ended(child: Process) -> int:
    """Return the exit code. Process.wait() also waits until all pipes are closed (python/cpython#119710)."""
    while child.returncode is None:
        await asyncio.sleep(EXIT_SECONDS)
    return child.returncode
