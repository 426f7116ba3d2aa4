"""`python -m operations`: commands on a deployed stack, with the credentials of the current Azure login."""

import logging
import sys
from typing import Annotated, NoReturn

import typer

from operations.errors import OperationError, UsageError

app = typer.Typer(help="Commands on a deployed stack.", no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    for verbose in ("azure", "msal"):  # their warnings precede an error that says the same
        logging.getLogger(verbose).setLevel(logging.ERROR)


@app.command()
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
