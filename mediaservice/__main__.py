"""`python -m mediaservice api` and `python -m mediaservice worker`, configured by the environment."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from mediaservice.environment import SettingsError
from mediaservice.settings import read_api, read_worker
from redactor.version import __version__

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def checked[S](read: Callable[[Mapping[str, str]], S]) -> S:
    """Return the settings, or print a line for each problem and exit with 2."""
    try:
        return read(os.environ)
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(2) from None


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mediaservice {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Serve the Media Services v3 API or do its jobs, configured by the environment."""


@app.command()
def api() -> None:
    """Serve the REST API on PORT."""
    settings = checked(read_api)
    from mediaservice.api.app import serve

    serve(settings)


@app.command()
def worker(
    once: Annotated[bool, typer.Option("--once", help="Take at most one message, for one job per execution.")] = False,
) -> None:
    """Do jobs until the queue is empty."""
    settings = checked(read_worker)
    from mediaservice.worker.run import run

    run(settings, once=once)


if __name__ == "__main__":
    app(prog_name="python -m mediaservice")
