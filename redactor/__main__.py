"""Entry point of `python -m redactor`."""

from redactor.cli import run

run()
