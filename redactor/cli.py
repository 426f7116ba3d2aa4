"""The command line: `python -m redactor redact IN OUT` and `analyze IN OUTDIR`."""

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
PREVIEW: Final = "Also draw some frames with their times: of OUT, or of an analysis with its faces outlined."

app = typer.Typer(add_completion=False, help="Hides the faces in videos.")


class Mode(StrEnum):
    COMBINED = "combined"
    REDACT = "redact"


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Hides the faces in videos."""
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help())
        raise typer.Exit(EXIT_BAD_INPUT)


# The options that several commands share.
ResolutionOption = Annotated[
    Resolution, typer.Option(help="Size of the picture that is analysed; the output keeps its size.")
]
QualityOption = Annotated[Quality, typer.Option(help="How much is spent on finding faces.")]
ProgressOption = Annotated[
    ProgressStyle, typer.Option(help="auto: a bar on a terminal, else nothing. json: one object a line.")
]
AnnotationsOption = Annotated[Path | None, typer.Option(help="What `analyze` wrote, edited or not.")]
IdListOption = Annotated[Path | None, typer.Option(help="The same as a file, one id a line; blank for all.")]
PreviewOption = Annotated[Path | None, typer.Option(metavar="PNG", help=PREVIEW)]
JsonOption = Annotated[
    bool, typer.Option("--json", help="A summary as one JSON object on standard output, or the error.")
]


@app.command()
def redact(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video to redact.")],
    destination: Annotated[Path, typer.Argument(metavar="OUT", help="The .mp4, .m4v or .mov to write.")],
    mode: Annotated[Mode, typer.Option(help="redact: cover what --annotations says, and look for nothing.")] = (
        Mode.COMBINED
    ),
    blur_type: Annotated[BlurType, typer.Option(help="How faces are hidden.")] = BlurType.MED,
    resolution: ResolutionOption = Resolution.SOURCE,
    quality: QualityOption = Quality.BALANCED,
    crf: Annotated[int, typer.Option(help="Encoder's rate factor: 0 lossless to 51 worst.")] = 20,
    annotations: AnnotationsOption = None,
    ids: Annotated[str, typer.Option(help="Whom of --annotations to cover, as in 1,2; all if not given.")] = "",
    id_list: IdListOption = None,
    keep: Annotated[str, typer.Option(help="Whom of --annotations not to cover, as in 3,4; all others are.")] = "",
    preview: PreviewOption = None,
    json_summary: JsonOption = False,
    progress: ProgressOption = ProgressStyle.AUTO,
) -> None:
    """Write OUT, which is IN with every face hidden. Exit 0 done, 2 bad input or usage, 1 internal failure."""

    def work(report: Callable[[Progress], None], cancel: threading.Event) -> Result:
        if (mode is Mode.REDACT) != (annotations is not None):
            raise ConfigurationUnsupported("--mode redact and --annotations go together")
        chosen = _chosen_ids(ids, id_list)
        options = Options(blur_type, resolution, quality, crf, annotations, chosen, _parsed_ids("--keep", keep))
        with _previewed(preview, destination):
            return redactor.redact(source, destination, options, report, cancel)

    _report(_run(work, progress, as_json=json_summary), destination, progress, as_json=json_summary)


@app.command()
def analyze(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video to analyse.")],
    folder: Annotated[Path, typer.Argument(metavar="OUTDIR", help="Where the annotations and thumbnails go.")],
    resolution: ResolutionOption = Resolution.SOURCE,
    quality: QualityOption = Quality.BALANCED,
    preview: PreviewOption = None,
    json_summary: JsonOption = False,
    progress: ProgressOption = ProgressStyle.AUTO,
) -> None:
    """Write <IN>_annotations.json and a thumbnail of each person into OUTDIR, to be looked through and edited."""

    def work(report: Callable[[Progress], None], cancel: threading.Event) -> Result:
        options = Options(resolution=resolution, quality=quality)
        with _previewed(preview, source, folder / f"{source.stem}_annotations.json"):
            return redactor.analyze(source, folder, options, report, cancel)

    _report(_run(work, progress, as_json=json_summary), folder, progress, as_json=json_summary)


@app.command()
def verify(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video.")],
    redacted: Annotated[Path, typer.Argument(metavar="OUT", help="The same, redacted by this or another program.")],
    annotations: AnnotationsOption = None,
    ids: Annotated[str, typer.Option(help="Whom of --annotations OUT covers, as in 1,2; all if not given.")] = "",
    id_list: IdListOption = None,
    keep: Annotated[str, typer.Option(help="Whom of --annotations OUT shows on purpose, as in 3,4.")] = "",
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


@app.command()
def compare(
    original: Annotated[Path, typer.Argument(metavar="ORIGINAL", help="A video.")],
    redacted: Annotated[Path, typer.Argument(metavar="REDACTED", help="The same, redacted.")],
    picture: Annotated[Path, typer.Argument(metavar="PNG", help="The picture to write.")],
) -> None:
    """Draw some frames that redaction changed, before and after."""
    from redactor.reports.contact_sheet import write_comparison

    try:
        write_comparison(original, redacted, picture)
    except RedactionError as error:
        _fail(str(error), error.code, as_json=False)


@contextmanager
def _previewed(picture: Path | None, video: Path, annotations: Path | None = None) -> Iterator[None]:
    """Draw `picture` of what the body wrote."""
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
    """None if blank."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise ConfigurationUnsupported(f"{option}: {text!r} is not a list of numbers such as 1,2")
    return frozenset(map(int, parts)) or None


def _listed_ids(path: Path) -> frozenset[int] | None:
    """Of a file like the FaceDetectorPreset's IDList.txt. None if blank."""
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise ConfigurationUnsupported(f"{path}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not (line.strip().isascii() and line.strip().isdecimal()):
            raise ConfigurationUnsupported(f"{path.name}: line {number}, {line.strip()[:40]!r}, is no id")
    return frozenset(int(line) for line in lines if line.strip()) or None


def run() -> NoReturn:
    """The command with its usage errors on one line."""
    try:
        code = app(prog_name="python -m redactor", standalone_mode=False)
    except typer.TyperException as error:
        sys.stderr.write(f"error: {' '.join(error.format_message().split())}\n")
        code = EXIT_BAD_INPUT
    sys.exit(code if isinstance(code, int) else 0)


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
