"""`python -m redactor`."""

from redactor.cli import run

run()
