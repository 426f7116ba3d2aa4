"""The run of one command: progress, signals, errors and exit codes."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import typer

from redactor.errors import Cancelled, RedactionError
from redactor.reports.reporting import ProgressStyle, emit, reporter, summary, to_json
from redactor.results import Progress, Result

EXIT_INTERNAL: Final = 1
EXIT_BAD_INPUT: Final = 2
EXIT_BARE_FACES: Final = 3


def execute[R](
    work: Callable[[Callable[[Progress], None], threading.Event], R],
    progress: ProgressStyle,
    *,
    as_json: bool,
    activity: str = "redacting",
) -> R:
    """Run `work` with progress and signals. Print its error on one line, and exit with the error's code."""
    cancel = threading.Event()
    received = _stop_on_signals(cancel)
    as_json = as_json or progress is ProgressStyle.JSON
    try:
        with reporter(progress, activity) as report:
            return work(report, cancel)
    except Cancelled:
        sys.stderr.write("stopped; nothing was written\n")
        raise typer.Exit(128 + (received[0] if received else signal.SIGINT)) from None
    except RedactionError as error:
        fail(str(error), error.code, as_json=as_json)
    except Exception as error:
        fail(f"internal failure: {type(error).__name__}: {error}", RedactionError.code, as_json=as_json)


def checked[R](check: Callable[[], R], as_json: bool, progress: ProgressStyle) -> R:
    """Run a check before the work. Print its error as `execute` does."""
    try:
        return check()
    except RedactionError as error:
        fail(str(error), error.code, as_json=as_json or progress is ProgressStyle.JSON)


def report_result(
    result: Result, destination: Path, progress: ProgressStyle, *, as_json: bool, identified: bool
) -> None:
    """Print a finished run: as JSON for programs, or as a summary. `identified`: faces have ids."""
    if as_json or progress is ProgressStyle.JSON:
        emit({"result": to_json(result)})
    elif progress is not ProgressStyle.NONE:
        sys.stderr.write(summary(destination, result, identified=identified) + "\n")


@contextmanager
def previewed(picture: Path | None, video: Path, annotations: Path | None = None) -> Iterator[None]:
    """Draw `picture` of the video that the body wrote."""
    if picture is None:
        yield
        return
    from redactor.people.annotations import read
    from redactor.reports.contact_sheet import check_output, write_preview

    check_output(picture)
    yield
    write_preview(video, picture, read(annotations) if annotations else None)


def fail(message: str, code: str, *, as_json: bool) -> NoReturn:
    """Print an error on one line, and exit with its code."""
    line = " ".join(message.split())
    if as_json:
        emit({"error": {"code": code, "message": line}})
    sys.stderr.write(f"error: {line}\n")
    raise typer.Exit(EXIT_INTERNAL if code == RedactionError.code else EXIT_BAD_INPUT)


def _stop_on_signals(cancel: threading.Event) -> list[int]:
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        cancel.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return received
