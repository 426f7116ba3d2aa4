"""The command line: `redactor redact`, `analyze`, `review`, `verify` and `compare`."""

import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

import redactor
from redactor.command.execution import (
    EXIT_BAD_INPUT,
    EXIT_BARE_FACES,
    checked,
    execute,
    fail,
    previewed,
    report_result,
)
from redactor.command.files import Report, inputs, made_folder, run_all
from redactor.command.ids import chosen_ids, parsed_ids
from redactor.command.options import (
    TWO_PASSES,
    AnnotationsOption,
    BlurTypeOption,
    CrfOption,
    DamagedOption,
    DecisionsOption,
    DoubtfulOption,
    IdListOption,
    JsonOption,
    Mode,
    ModeOption,
    PartialOption,
    PreviewOption,
    ProgressOption,
    ProjectionOption,
    QualityOption,
    ResolutionOption,
)
from redactor.errors import ConfigurationUnsupported, RedactionError
from redactor.kinds import is_still
from redactor.options import BlurType, Damaged, Options, Projection, Quality, Resolution
from redactor.reports.reporting import ProgressStyle, emit
from redactor.results import Progress, Result, Verification

EXIT_CODES: Final = "Exit codes: 0 done, 1 internal failure, 2 bad input or usage, 130 or 143 stopped by a signal."
VERIFY_EXIT_CODES: Final = EXIT_CODES.replace("0 done", "0 no bare face, 3 some")

app = typer.Typer(add_completion=False, help="Hide the faces in videos.", epilog=EXIT_CODES)


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


@app.command(epilog=EXIT_CODES)
def redact(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="The video to redact, or a folder, or a pattern such as 'in/*.mp4'.")
    ],
    destination: Annotated[
        Path, typer.Argument(metavar="OUT", help="The .mp4, .m4v or .mov to write, or the folder for several.")
    ],
    resolution: ResolutionOption = Resolution.SOURCE,
    quality: QualityOption = Quality.BALANCED,
    projection: ProjectionOption = Projection.AUTO,
    blur_type: BlurTypeOption = BlurType.HIGH,
    mode: ModeOption = Mode.COMBINED,
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
    partial_annotations: PartialOption = False,
    decisions: DecisionsOption = None,
    crf: CrfOption = 20,
    doubtful: DoubtfulOption = None,
    damaged: DamagedOption = Damaged.REFUSE,
    preview: PreviewOption = None,
    json_summary: JsonOption = False,
    progress: ProgressOption = ProgressStyle.AUTO,
) -> None:
    """Write IN to OUT with every face hidden."""

    def one(file: Path, place: Path, report: Report, cancel: threading.Event) -> Result:
        if mode is Mode.REDACT and annotations is None:
            raise ConfigurationUnsupported("--mode redact: needs --annotations")
        chosen = chosen_ids(ids, id_list)
        kept = parsed_ids("--keep", keep)
        options = Options(
            blur_type=blur_type,
            resolution=resolution,
            quality=quality,
            crf=crf,
            annotations=annotations,
            ids=chosen,
            keep=kept,
            damaged=damaged,
            doubtful=doubtful,
            projection=projection,
            decisions=decisions,
            partial_annotations=partial_annotations,
        )
        with previewed(preview, place):
            return redactor.redact(file, place, options, report, cancel)

    def several(file: Path, report: Report, cancel: threading.Event) -> tuple[Path, Result]:
        place = destination / f"{file.stem}_redacted{file.suffix if is_still(file) else '.mp4'}"
        return place, one(file, place, report, cancel)

    files = checked(lambda: inputs(source), json_summary, progress)
    if files is not None:
        single = {"--annotations": annotations, "--decisions": decisions, "--doubtful": doubtful, "--preview": preview}
        checked(lambda: made_folder(destination, source, single), json_summary, progress)
        run_all(files, several, progress, as_json=json_summary, identified=False, activity="redacting")

    result = execute(partial(one, source, destination), progress, as_json=json_summary)
    report_result(result, destination, progress, as_json=json_summary, identified=annotations is not None)


@app.command(epilog=EXIT_CODES)
def analyze(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="The video to analyse, or a folder, or a pattern such as 'in/*.mp4'.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="OUTDIR", help="The existing folder to write to.")],
    folders: Annotated[
        bool, typer.Option("--folders", help="Write to a folder in OUTDIR that has IN's name. Several always do.")
    ] = False,
    resolution: ResolutionOption = Resolution.SOURCE,
    quality: QualityOption = Quality.BALANCED,
    projection: ProjectionOption = Projection.AUTO,
    damaged: DamagedOption = Damaged.REFUSE,
    preview: PreviewOption = None,
    json_summary: JsonOption = False,
    progress: ProgressOption = ProgressStyle.AUTO,
) -> None:
    """Write index.html, <IN>_annotations.json, <IN>_doubtful.json and thumbnails into OUTDIR, for review."""

    def one(file: Path, place: Path, report: Report, cancel: threading.Event) -> Result:
        options = Options(resolution=resolution, quality=quality, damaged=damaged, projection=projection)
        with previewed(preview, file, place / f"{file.stem}_annotations.json"):
            return redactor.analyze(file, place, options, report, cancel)

    def several(file: Path, report: Report, cancel: threading.Event) -> tuple[Path, Result]:
        place = folder / file.stem
        made_folder(place, file, {})
        return place, one(file, place, report, cancel)

    files = checked(lambda: inputs(source), json_summary, progress)
    if files is not None:
        checked(lambda: made_folder(folder, source, {"--preview": preview}), json_summary, progress)
        run_all(files, several, progress, as_json=json_summary, identified=True, activity="analysing")

    place = folder / source.stem if folders else folder
    if folders:
        checked(lambda: made_folder(place, source, {}), json_summary, progress)
    result = execute(partial(one, source, place), progress, as_json=json_summary)
    report_result(result, place, progress, as_json=json_summary, identified=True)


@app.command(epilog=EXIT_CODES)
def review(
    sources: Annotated[list[Path], typer.Argument(metavar="IN...", help="The videos to review.")],
    resolution: ResolutionOption = Resolution.SOURCE,
    quality: QualityOption = Quality.BALANCED,
    projection: ProjectionOption = Projection.AUTO,
    blur_type: BlurTypeOption = BlurType.HIGH,
    crf: CrfOption = 20,
    damaged: DamagedOption = Damaged.REFUSE,
    reasons: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Reasons for decisions: a line for each, with a code, a comma and a text."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to serve on. Default: any free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open a page on this machine: look at the people in IN, choose, draw what was missed, approve, see the result."""
    from redactor.engine import check_source
    from redactor.page import serving

    try:
        for source in sources:
            check_source(source)
        listed = serving.REASONS if reasons is None else serving.read_reasons(reasons)
        options = Options(
            blur_type, resolution=resolution, quality=quality, crf=crf, damaged=damaged, projection=projection
        )
        serving.serve(sources, options, listed, port=port, browser=browser)
    except RedactionError as error:
        fail(str(error), error.code, as_json=False)


@app.command(epilog=VERIFY_EXIT_CODES)
def verify(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video.")],
    redacted: Annotated[
        Path, typer.Argument(metavar="OUT", help="The same video, redacted by this or another program.")
    ],
    projection: ProjectionOption = Projection.AUTO,
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
    decisions: DecisionsOption = None,
    json_summary: JsonOption = False,
    progress: ProgressOption = ProgressStyle.AUTO,
) -> None:
    """Search IN for faces with the most effort, and report those that OUT still shows."""
    from redactor.reports import bare_faces

    def work(report: Callable[[Progress], None], cancel: threading.Event) -> Verification:
        chosen = chosen_ids(ids, id_list)
        kept = parsed_ids("--keep", keep)
        options = Options(annotations=annotations, ids=chosen, keep=kept, projection=projection, decisions=decisions)
        return redactor.verify(source, redacted, options, report, cancel)

    found = execute(work, progress, as_json=json_summary, activity="verifying")
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
        fail(str(error), error.code, as_json=False)


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
