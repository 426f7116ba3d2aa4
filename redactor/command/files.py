"""Several inputs: a folder, or a pattern such as 'clips/*.mp4'. Each has a line, and all have a summary."""

import glob
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

import typer

from redactor.command.execution import EXIT_BAD_INPUT, EXIT_INTERNAL, execute
from redactor.errors import Cancelled, ConfigurationUnsupported, RedactionError
from redactor.kinds import is_media
from redactor.reports.reporting import ProgressStyle, emit, summary_line, to_json
from redactor.results import Progress, Result

RESULT: Final = "_redacted"  # end of a result's stem


def inputs(typed: Path) -> list[Path] | None:
    """Return the files of a folder or of a pattern in order of their names, or None for one file.

    Results of earlier runs are left out. Raises ConfigurationUnsupported if there is no file, and for two files whose
    results would have one name.
    """
    if typed.is_dir():
        found = [path for path in typed.iterdir() if is_media(path)]
    elif not typed.exists() and glob.has_magic(str(typed)):
        found = [Path(name) for name in glob.glob(str(typed), recursive=True)]  # noqa: PTH207  absolute ones too
    else:
        return None
    files = sorted(path for path in found if path.is_file() and not path.stem.lower().endswith(RESULT))
    if not files:
        raise ConfigurationUnsupported(f"{typed}: no videos or pictures there")
    names: dict[str, Path] = {}
    for file in files:
        if other := names.get(file.stem.lower()):
            raise ConfigurationUnsupported(f"{file} and {other} would have results of one name; rename one")
        names[file.stem.lower()] = file
    return files


def made_folder(folder: Path, source: Path, single: Mapping[str, object]) -> None:
    """Make the folder for the results of `source`. Refuse options that are for one file alone."""
    for option, value in single.items():
        if value is not None:
            raise ConfigurationUnsupported(f"{option}: is for one video, and {source} is several")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationUnsupported(f"{folder}: cannot be made ({error.strerror})") from error


type Report = Callable[[Progress], None]


def run_all(
    files: Sequence[Path],
    one: Callable[[Path, Report, threading.Event], tuple[Path, Result]],
    progress: ProgressStyle,
    *,
    as_json: bool,
    identified: bool,
    activity: str,
) -> NoReturn:
    """Work on all files, one after another. Print a line for each, or a JSON object, and a summary; then exit.

    `one` returns where a file's result is. The code is 0 if all are done, 2 if some inputs cannot be used, and 1 after
    other failures.
    """
    as_json = as_json or progress is ProgressStyle.JSON
    codes: set[int] = set()

    def work(report: Report, cancel: threading.Event) -> None:
        for number, file in enumerate(files):
            share = _share(report, number, len(files))
            try:
                place, result = one(file, share, cancel)
            except Cancelled:
                raise
            except RedactionError as error:
                line = " ".join(str(error).split())
                codes.add(EXIT_INTERNAL if error.code == RedactionError.code else EXIT_BAD_INPUT)
                said: dict[str, Any] = {"error": {"code": error.code, "message": line}}
                line = f"error: {line}"
            else:
                said, line = {"result": to_json(result)}, summary_line(place, result, identified=identified)
            if as_json:
                emit({"file": str(file)} | said)
            elif progress is not ProgressStyle.NONE or "error" in said:
                sys.stderr.write(line + "\n")
            failed.append("error" in said)

    failed: list[bool] = []
    execute(work, progress, as_json=as_json, activity=activity)
    if not as_json and progress is not ProgressStyle.NONE:
        sys.stderr.write(f"{failed.count(False)} of {len(files)} files done\n")
    raise typer.Exit(min(codes, default=0))


def _share(report: Report, number: int, count: int) -> Report:
    """Return a report of one file's progress as the progress of all."""
    return lambda progress: report(replace(progress, percent=(100 * number + progress.percent) / count))
