"""The command line: `redactor redact IN OUT`, `redactor analyze IN OUTDIR` and `redactor compare`."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer

import redactor
from redactor.errors import Cancelled, ConfigurationUnsupported, RedactionError
from redactor.options import BlurType, Options, Quality, Resolution
from redactor.reports.reporting import ProgressStyle, emit, reporter, summary, to_json
from redactor.results import Progress, Result, Verification

EXIT_BAD_INPUT: Final = 2
EXIT_INTERNAL: Final = 1
EXIT_BARE_FACES: Final = 3
DETECTION: Final = "Detection"
COVERING: Final = "Covering"
TWO_PASSES: Final = "Two passes"
OUTPUT: Final = "Output"
EXIT_CODES: Final = "Exit codes: 0 done, 1 internal failure, 2 bad input or usage, 130 or 143 stopped by a signal."
VERIFY_EXIT_CODES: Final = EXIT_CODES.replace("0 done", "0 no bare face, 3 some")

app = typer.Typer(add_completion=False, help="Hide the faces in videos.", epilog=EXIT_CODES)


class Mode(StrEnum):
    COMBINED = "combined"
    REDACT = "redact"


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"redactor {redactor.__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Hide the faces in videos."""
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help())
        raise typer.Exit(EXIT_BAD_INPUT)


# The options that several commands share.
ResolutionOption = Annotated[
    Resolution,
    typer.Option(
        help="Size of the picture in which faces are detected. The output keeps the input's size.",
        rich_help_panel=DETECTION,
    ),
]
QualityOption = Annotated[Quality, typer.Option(help="Effort spent on detecting faces.", rich_help_panel=DETECTION)]
ProgressOption = Annotated[
    ProgressStyle,
    typer.Option(help="auto: a bar on a terminal, else nothing. json: one object per line.", rich_help_panel=OUTPUT),
]
PreviewOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PNG",
        help="Also draw some frames with their times: of OUT, or the analysed video with outlined faces.",
        rich_help_panel=OUTPUT,
    ),
]
AnnotationsOption = Annotated[
    Path | None, typer.Option(help="The file that `analyze` wrote, edited or not.", rich_help_panel=TWO_PASSES)
]
IdListOption = Annotated[
    Path | None,
    typer.Option(help="A file of ids to cover, one per line. A blank file means all.", rich_help_panel=TWO_PASSES),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print the summary or error as one JSON object on stdout.", rich_help_panel=OUTPUT),
]


@app.command(epilog=EXIT_CODES)
def redact(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video to redact.")],
    destination: Annotated[Path, typer.Argument(metavar="OUT", help="The .mp4, .m4v or .mov to write.")],
    resolution: ResolutionOption = Resolution.SOURCE,
    quality: QualityOption = Quality.BALANCED,
    blur_type: Annotated[
        BlurType,
        typer.Option(help="How faces are hidden. Box and Low do not protect anyone.", rich_help_panel=COVERING),
    ] = BlurType.MED,
    mode: Annotated[
        Mode,
        typer.Option(
            help="combined: detect and cover. redact: cover the people in --annotations, without detection.",
            rich_help_panel=TWO_PASSES,
        ),
    ] = Mode.COMBINED,
    annotations: AnnotationsOption = None,
    ids: Annotated[
        str,
        typer.Option(help="Ids of the people to cover, such as 1,2. Default: all.", rich_help_panel=TWO_PASSES),
    ] = "",
    id_list: IdListOption = None,
    keep: Annotated[
        str,
        typer.Option(
            help="Ids of the people to leave visible, such as 3,4. Everybody else is covered.",
            rich_help_panel=TWO_PASSES,
        ),
    ] = "",
    crf: Annotated[
        int, typer.Option(help="The encoder's rate factor, 0 (lossless) to 51 (worst).", rich_help_panel=OUTPUT)
    ] = 20,
    preview: PreviewOption = None,
    json_summary: JsonOption = False,
    progress: ProgressOption = ProgressStyle.AUTO,
) -> None:
    """Write IN to OUT with every face hidden."""

    def work(report: Callable[[Progress], None], cancel: threading.Event) -> Result:
        if (mode is Mode.REDACT) != (annotations is not None):
            raise ConfigurationUnsupported("--mode redact and --annotations go together")
        chosen = _chosen_ids(ids, id_list)
        options = Options(blur_type, resolution, quality, crf, annotations, chosen, _parsed_ids("--keep", keep))
        with _previewed(preview, destination):
            return redactor.redact(source, destination, options, report, cancel)

    _report(_run(work, progress, as_json=json_summary), destination, progress, as_json=json_summary)


@app.command(epilog=EXIT_CODES)
def analyze(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video to analyse.")],
    folder: Annotated[Path, typer.Argument(metavar="OUTDIR", help="The existing folder to write to.")],
    resolution: ResolutionOption = Resolution.SOURCE,
    quality: QualityOption = Quality.BALANCED,
    preview: PreviewOption = None,
    json_summary: JsonOption = False,
    progress: ProgressOption = ProgressStyle.AUTO,
) -> None:
    """Write <IN>_annotations.json and a thumbnail of each person into OUTDIR, for review and editing."""

    def work(report: Callable[[Progress], None], cancel: threading.Event) -> Result:
        options = Options(resolution=resolution, quality=quality)
        with _previewed(preview, source, folder / f"{source.stem}_annotations.json"):
            return redactor.analyze(source, folder, options, report, cancel)

    _report(_run(work, progress, as_json=json_summary), folder, progress, as_json=json_summary)


@app.command(epilog=VERIFY_EXIT_CODES)
def verify(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video.")],
    redacted: Annotated[Path, typer.Argument(metavar="OUT", help="The same, redacted by this or another program.")],
    annotations: AnnotationsOption = None,
    ids: Annotated[
        str,
        typer.Option(help="Ids of the people that OUT covers, such as 1,2. Default: all.", rich_help_panel=TWO_PASSES),
    ] = "",
    id_list: IdListOption = None,
    keep: Annotated[
        str,
        typer.Option(help="Ids of the people that OUT shows on purpose, such as 3,4.", rich_help_panel=TWO_PASSES),
    ] = "",
    json_summary: JsonOption = False,
    progress: ProgressOption = ProgressStyle.AUTO,
) -> None:
    """Look for faces in IN with the most care, and report those that OUT shows. Exit 0 none, 3 some, 2 bad input."""
    from redactor.reports import bare_faces

    def work(report: Callable[[Progress], None], cancel: threading.Event) -> Verification:
        chosen = _chosen_ids(ids, id_list)
        options = Options(annotations=annotations, ids=chosen, keep=_parsed_ids("--keep", keep))
        return redactor.verify(source, redacted, options, report, cancel)

    found = _run(work, progress, as_json=json_summary, activity="verifying")
    if json_summary or progress is ProgressStyle.JSON:
        emit({"result": bare_faces.to_json(found)})
    else:
        sys.stdout.write(bare_faces.summary(redacted, found) + "\n")
    if found.bare_faces:
        raise typer.Exit(EXIT_BARE_FACES)


@app.command(epilog=EXIT_CODES)
def compare(
    original: Annotated[Path, typer.Argument(metavar="ORIGINAL", help="A video.")],
    redacted: Annotated[Path, typer.Argument(metavar="REDACTED", help="The same video, redacted.")],
    picture: Annotated[Path, typer.Argument(metavar="PNG", help="The picture to write.")],
) -> None:
    """Draw some frames that redaction changed, before above after."""
    from redactor.reports.contact_sheet import write_comparison

    try:
        write_comparison(original, redacted, picture)
    except RedactionError as error:
        _fail(str(error), error.code, as_json=False)


@contextmanager
def _previewed(picture: Path | None, video: Path, annotations: Path | None = None) -> Iterator[None]:
    """Draw `picture` of the video that the body wrote."""
    if picture is None:
        yield
        return
    from redactor.people.annotations import read
    from redactor.reports.contact_sheet import check_output, write_preview

    check_output(picture)
    yield
    write_preview(video, picture, read(annotations) if annotations else None)


def _run[R](
    work: Callable[[Callable[[Progress], None], threading.Event], R],
    progress: ProgressStyle,
    *,
    as_json: bool,
    activity: str = "redacting",
) -> R:
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
        _fail(str(error), error.code, as_json=as_json)
    except Exception as error:
        _fail(f"internal failure: {type(error).__name__}: {error}", RedactionError.code, as_json=as_json)


def _report(result: Result, destination: Path, progress: ProgressStyle, *, as_json: bool) -> None:
    if as_json or progress is ProgressStyle.JSON:
        emit({"result": to_json(result)})
    elif progress is not ProgressStyle.NONE:
        sys.stderr.write(summary(destination, result) + "\n")


def _chosen_ids(ids: str, id_list: Path | None) -> frozenset[int] | None:
    if ids and id_list:
        raise ConfigurationUnsupported("--ids and --id-list: only one of them can be given")
    return _listed_ids(id_list) if id_list else _parsed_ids("--ids", ids)


def _parsed_ids(option: str, text: str) -> frozenset[int] | None:
    """Parse `1,2`. Return None for blank text."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise ConfigurationUnsupported(f"{option}: {text!r} is not a list of numbers such as 1,2")
    return frozenset(map(int, parts)) or None


def _listed_ids(path: Path) -> frozenset[int] | None:
    """Parse a file like the FaceDetectorPreset's IDList.txt. Return None if it is blank."""
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise ConfigurationUnsupported(f"{path}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not (line.strip().isascii() and line.strip().isdecimal()):
            raise ConfigurationUnsupported(f"{path.name}: line {number}, {line.strip()[:40]!r}, is no id")
    return frozenset(int(line) for line in lines if line.strip()) or None


def run() -> NoReturn:
    """Run the command. Print usage errors on one line."""
    try:
        code = app(prog_name=_program_name(), standalone_mode=False)
    except typer.TyperException as error:
        sys.stderr.write(f"error: {' '.join(error.format_message().split())}\n")
        code = EXIT_BAD_INPUT
    sys.exit(code if isinstance(code, int) else 0)


def _program_name() -> str:
    """Return the words that started this program, so that printed commands run as printed."""
    return "python -m redactor" if Path(sys.argv[0]).name == "__main__.py" else "redactor"


def _stop_on_signals(cancel: threading.Event) -> list[int]:
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        cancel.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return received


def _fail(message: str, code: str, *, as_json: bool) -> NoReturn:
    line = " ".join(message.split())
    if as_json:
        emit({"error": {"code": code, "message": line}})
    sys.stderr.write(f"error: {line}\n")
    raise typer.Exit(EXIT_INTERNAL if code == RedactionError.code else EXIT_BAD_INPUT)
