"""`python -m local`: the whole graph on this machine."""

import gc
import logging
import platform
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from local.host import interrupts
from local.user.videos import UsageError

EXIT_CODES = "Exit codes: 0 done, 1 a failure, 2 bad input or usage, 130 stopped by Ctrl-C."
app = typer.Typer(
    help="Run the Pulumi program's graph on this machine.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
)

StackOption = Annotated[str, typer.Option("--stack", help="The stack to run: dev (selfHosted) or ams (azure).")]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="A folder that keeps uploads, jobs and results between runs.", file_okay=False),
]
ConfigOption = Annotated[
    list[str] | None,
    typer.Option("--config", help="A stack setting to change, as key=value. Repeatable."),
]
WorkersOption = Annotated[int, typer.Option("--workers", help="The most videos redacted in parallel.", min=1, max=64)]


@app.command(epilog=EXIT_CODES)
def redact(
    videos: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The videos, folders of them, or patterns such as 'in/*.mp4'. Default: a sample clip.", readable=False
        ),
    ] = None,
    stack: StackOption = "dev",
    data: DataOption = None,
    out: Annotated[Path, typer.Option("--out", help="Where results go.", file_okay=False)] = Path("out"),
    config: ConfigOption = None,
    workers: WorkersOption = 1,
) -> None:
    """Upload videos to the lake and download them redacted."""
    with _plain_errors():
        _check_machine()
        from local.cloud import PROGRAM, Options
        from local.graph.program import read_stack
        from local.user.videos import check_videos, expanded

        changes = _changes(config)
        if not videos:
            from local.user.sample import sample_clip

            videos = [sample_clip(PROGRAM / ".cache")]
        settings = read_stack(PROGRAM, stack, changes)
        videos = expanded(videos, settings)
        check_videos(videos, settings)
        _make_folders(data, out)
        from local.user.display import fail
        from local.user.redaction import redact as run

        failures = run(videos, Options(stack=stack, data=data, changes=changes, workers=workers), out)
        fail(failures)
        raise typer.Exit(1 if failures else 0)


@app.command(epilog=EXIT_CODES)
def up(
    stack: StackOption = "dev",
    data: DataOption = None,
    config: ConfigOption = None,
    workers: WorkersOption = 1,
    access: Annotated[
        Path, typer.Option("--access", help="The folder for the stack's outputs and a login.", file_okay=False)
    ] = Path(".cache/local-cloud"),
    page: Annotated[
        list[str] | None,
        typer.Option("--page", help="The address on this machine of a page that people sign in to. Repeatable."),
    ] = None,
) -> None:
    """Keep the local cloud up, and print how to upload to it."""
    with _plain_errors():
        _check_machine()
        from local.cloud import Options
        from local.user.watch import watch

        _make_folders(data)
        options = Options(stack=stack, data=data, changes=_changes(config), workers=workers, pages=_pages(page))
        watch(options, access)


class _plain_errors:  # noqa: N801  # reads as a statement
    """Prints known errors as one line each: exit 2 for a wrong call, 1 for a failure, 130 for Ctrl-C."""

    def __enter__(self) -> None:
        for talkative in ("azure", "pulumi-program"):  # their warnings precede an error that says the same
            logging.getLogger(talkative).setLevel(logging.ERROR)
        interrupts.ours.arm()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if interrupts.ours.received:  # also when a library has caught the exception
            print("stopped", file=sys.stderr)
            raise typer.Exit(130)
        if isinstance(error, UsageError):
            print(error, file=sys.stderr)
            raise typer.Exit(2)
        if error is None or isinstance(error, typer.Exit):
            return
        from local.events.handshake import HandshakeError
        from local.graph.outputs import UnknownResourceError
        from local.graph.program import ProgramError
        from local.host.data_folder import DataFolderError
        from local.host.processes import ProcessError
        from local.services.azurite import AzuriteInstallError

        if isinstance(error, ProgramError | DataFolderError):
            print(error, file=sys.stderr)
            raise typer.Exit(2)
        if isinstance(error, AzuriteInstallError | HandshakeError | ProcessError | UnknownResourceError):
            print(error, file=sys.stderr)
            raise typer.Exit(1)


def _check_machine() -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise UsageError(
            f"this machine is {platform.system()} on {platform.machine()}; allowed: Linux on x86_64, which the "
            "function's package is built for (WSL or a virtual machine will do)"
        )


def _changes(config: list[str] | None) -> dict[str, str]:
    changes: dict[str, str] = {}
    for each in config or []:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise UsageError(f"--config is {each!r}; allowed: key=value")
        changes[key] = value
    return changes


def _pages(page: list[str] | None) -> tuple[str, ...]:
    from local.services.authorization_code import is_local

    for each in page or []:
        if not is_local(each):
            raise UsageError(f"--page is {each!r}; allowed: http(s)://localhost:PORT/PATH, or 127.0.0.1")
    return tuple(page or ())


def _make_folders(*folders: Path | None) -> None:
    for folder in filter(None, folders):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UsageError(f"{folder} cannot be written to: {error.strerror}; allowed: a folder of yours") from None


def run() -> NoReturn:
    """Run the command, with usage errors on one line."""
    try:
        code = app(prog_name="python -m local", standalone_mode=False)
    except typer.TyperException as error:
        if said := " ".join(error.format_message().split()):  # empty after the help has been shown
            print(said, file=sys.stderr)
        code = 2
    gc.freeze()  # otherwise the garbage collector visits everything loaded once more, which takes a second
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    run()
