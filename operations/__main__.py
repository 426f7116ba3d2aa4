"""`python -m operations`: commands on a deployed stack, with the credentials of the current Azure login."""

import logging
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from operations.errors import OperationError, UsageError

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from collections.abc import Iterator

    from azure.core.credentials import TokenCredential

    from operations.outputs import StackOutputs
    from operations.records import Records

EXIT_CODES = "Exit codes: 0 done, 1 a failure, 2 bad input or usage, 130 stopped by Ctrl-C."
app = typer.Typer(help="Commands on a deployed stack.", epilog=EXIT_CODES, no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    for verbose in ("azure", "msal"):  # their warnings precede an error that says the same
        logging.getLogger(verbose).setLevel(logging.ERROR)


@app.command(epilog=EXIT_CODES)
def replay(
    dead_letters: Annotated[str, typer.Option("--dead-letters", help="The address of the dead letters.")] = "",
    uploads: Annotated[str, typer.Option("--uploads", help="The address of the upload container.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the dead letters and change nothing.")] = False,
) -> None:
    """Raise the events of dead letters again. Without addresses, read a stack's outputs as JSON from standard input."""
    from operations.replay import Containers
    from operations.replay import replay as run

    if bool(dead_letters) != bool(uploads):
        raise UsageError("--dead-letters and --uploads belong together; allowed: both or neither")
    if not dead_letters and sys.stdin.isatty():
        raise UsageError(
            "nothing says where the dead letters are; allowed: `pulumi stack output --json` piped in, or the "
            "options --dead-letters and --uploads"
        )
    containers = Containers.at(dead_letters, uploads) if dead_letters else Containers.of_outputs(sys.stdin.read())
    from azure.identity import DefaultAzureCredential

    with DefaultAzureCredential() as credential:
        failures = run(containers, credential, dry_run=dry_run)
    for line in failures:
        print(line, file=sys.stderr)
    raise typer.Exit(1 if failures else 0)


@app.command(epilog=EXIT_CODES)
def jobs(
    state: Annotated[str, typer.Option("--state", help="Only those in this state, such as Error.")] = "",
    source: Annotated[str, typer.Option("--source", help="Only those whose upload's name contains this.")] = "",
    since: Annotated[str, typer.Option("--since", help="Only those submitted since a time, or within 24h, 7d.")] = "",
    most: Annotated[int, typer.Option("--most", help="The largest number of jobs, the newest first.", min=1)] = 50,
) -> None:
    """List jobs. This and all commands below read a stack's outputs as JSON from standard input."""
    from operations.jobs import list_jobs, state_of, time_of
    from operations.tables import show_table

    wanted, earliest = state_of(state), time_of(since, datetime.now(UTC))
    with _stack() as stack:
        found = list_jobs(stack.records, state=wanted, source=source, since=earliest, most=most)
        show_table(
            ("submitted", "state", "%", "video", "job", "error"),
            [
                (f"{job.created:%Y-%m-%d %H:%M:%S}", job.state, str(job.progress), job.video, job.name, job.error)
                for job in found
            ],
        )


@app.command(epilog=EXIT_CODES)
def job(name: Annotated[str, typer.Argument(help="The job's name.")]) -> None:
    """Print all details of one job, with the files of its result."""
    from operations.jobs import describe
    from operations.tables import show_entries

    with _stack() as stack:
        show_entries(describe(stack.outputs, stack.credential, stack.records, name))


@app.command(epilog=EXIT_CODES)
def cancel(name: Annotated[str, typer.Argument(help="The job's name.")]) -> None:
    """Cancel a job that has not ended."""
    with _stack() as stack:
        stack.records.job(name)
        stack.records.cancel(name)
    print(f"{name}: to be canceled")


@app.command(epilog=EXIT_CODES)
def retry(name: Annotated[str, typer.Argument(help="The name of a job in Error or Canceled.")]) -> None:
    """Redact the upload of a failed job again, by a new job."""
    from operations.jobs import retry as run

    with _stack() as stack:
        print(f"{run(stack.outputs, stack.credential, stack.records, name)}: its event is raised again")


@app.command(epilog=EXIT_CODES)
def result(
    video: Annotated[str, typer.Argument(help="The upload's name, with its folders.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the files.", file_okay=False)] = Path("out"),
) -> None:
    """Download the newest result of an upload."""
    from operations.result import fetch_result

    with _stack() as stack:
        for path in fetch_result(stack.outputs, stack.credential, stack.records, video, out):
            print(path)


@app.command(epilog=EXIT_CODES)
def erase(
    video: Annotated[str, typer.Argument(help="The upload's name, with its folders.")],
    yes: Annotated[bool, typer.Option("--yes", help="Confirm the deletion.")] = False,
) -> None:
    """Delete an upload, its results, jobs and dead letters, and print which copies remain."""
    from operations.erase import erase as run

    if not yes:
        raise UsageError(f"erase deletes {video} and all that was made of it; allowed: with --yes")
    with _stack() as stack:
        for line in run(stack.outputs, stack.credential, stack.records, video):
            print(line)


@app.command(epilog=EXIT_CODES)
def queue() -> None:
    """Print the number of waiting jobs, the longest wait, and the results of the last day."""
    from operations.jobs import summarize
    from operations.tables import show_entries

    with _stack() as stack:
        show_entries(summarize(stack.records, datetime.now(UTC)))


@app.command(epilog=EXIT_CODES)
def smoke(
    video: Annotated[Path, typer.Argument(help="A short video.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the result.", file_okay=False)] = Path("out"),
) -> None:
    """Send a short video through the stack, and name the part that fails."""
    from operations.smoke import smoke as run

    with _stack() as stack:
        run(stack.outputs, stack.credential, stack.records, video, out)


@dataclass(frozen=True)
class _Stack:
    outputs: "StackOutputs"
    credential: "TokenCredential"
    records: "Records"


@contextmanager
def _stack() -> "Iterator[_Stack]":
    """Return the stack whose outputs are on standard input, with the credentials of the current login."""
    from operations.outputs import StackOutputs

    if sys.stdin.isatty():
        raise UsageError("nothing says which stack is meant; allowed: `pulumi stack output --json` piped in")
    outputs = StackOutputs.read(sys.stdin.read())
    from azure.identity import DefaultAzureCredential

    from operations.records import Records

    with DefaultAzureCredential() as credential, Records(outputs, credential) as records:
        yield _Stack(outputs, credential, records)


def run() -> NoReturn:
    """Run the command. Known errors are one line each: exit 2 for a wrong call, 1 for a failure, 130 for Ctrl-C."""
    try:
        code = app(prog_name="python -m operations", standalone_mode=False)
    except typer.TyperException as error:
        if said := " ".join(error.format_message().split()):  # empty after the help has been shown
            print(said, file=sys.stderr)
        code = 2
    except UsageError as error:
        print(error, file=sys.stderr)
        code = 2
    except OperationError as error:
        print(error, file=sys.stderr)
        code = 1
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    run()
