"""The engine as a child process: its progress, result and errors are lines of JSON on its standard output."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.transforms import FaceDetectorPreset

CONFINE = Path(__file__).with_name("confine.py")
ROOT = Path(__file__).parent.parent.parent
STOP_SECONDS = 2.0
USERS_FAULT = 2
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
    frames: int
    frames_with_faces: int
    faces: int


class _Report:
    """What the child has said so far."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress = progress
        self.result: EngineResult | None = None
        self.error: tuple[ErrorCode, str] | None = None

    def line(self, text: bytes) -> None:
        try:
            said: Any = json.loads(text)
        except ValueError:
            return
        if not isinstance(said, dict):
            return
        if "progress" in said:
            self._progress(float(said["progress"]))
        elif "result" in said:
            result = said["result"]
            self.result = EngineResult(
                frames=int(result["frames"]),
                frames_with_faces=int(result["framesWithFaces"]),
                faces=int(result["faces"]),
            )
        elif "error" in said:
            code = next((code for code in REPORTED if code == said["error"].get("code")), ErrorCode.SERVICE_ERROR)
            self.error = (code, str(said["error"].get("message")))


async def redact(
    command: Sequence[str],
    preset: FaceDetectorPreset,
    source: Path,
    target: Path,
    shown_name: str,
    progress: Callable[[float], None],
) -> EngineResult:
    """Raises JobFailedError; messages say `shown_name` where the engine says `source`. Canceling ends the child."""
    options = ["--blur-type", preset.blur_type, "--resolution", preset.resolution, "--progress", "json"]
    report = _Report(progress)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(CONFINE),
        *command,
        "redact",
        str(source),
        str(target),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=source.parent,
        env=_environment(source.parent),
        start_new_session=True,
    )
    try:
        said = asyncio.create_task(_tail(child))
        assert child.stdout
        async for line in child.stdout:
            report.line(line)
        code = await child.wait()
        last_words = await said
    finally:
        await _stop(child)
    if code == 0 and report.result and target.is_file():
        return report.result
    raise _failure(code, report, last_words, source, shown_name)


def _failure(code: int, report: _Report, last_words: str, source: Path, shown_name: str) -> JobFailedError:
    if code < 0:
        return JobFailedError(ErrorCode.SERVICE_ERROR, f"The redaction engine was ended by signal {-code}.")
    error, message = report.error or (
        ErrorCode.CONTENT_MALFORMED if code == USERS_FAULT else ErrorCode.SERVICE_ERROR,
        last_words.removeprefix("error: ") or f"The redaction engine ended with exit code {code} and no result.",
    )
    return JobFailedError(error, message.replace(str(source), shown_name).replace(source.name, shown_name))


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the worker's own: no identity endpoint, no settings."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }


async def _tail(child: Process) -> str:
    """The last line on standard error."""
    assert child.stderr
    last = b""
    async for line in child.stderr:
        last = line.strip() or last
    return last[-2000:].decode(errors="replace")


async def _stop(child: Process) -> None:
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(asyncio.shield(child.wait()), STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
