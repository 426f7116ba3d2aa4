"""Help of the commands for people."""

import pytest
import typer
from typer.testing import CliRunner

import local.__main__
import operations.__main__
import redactor.cli

APPS = {"local": local.__main__.app, "operations": operations.__main__.app, "redactor": redactor.cli.app}
COMMANDS = [
    (name, command) for name, app in APPS.items() for command in (None, *sorted(typer.main.get_group(app).commands))
]


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_every_command_lists_its_exit_codes(name: str, command: str | None) -> None:
    asked = CliRunner().invoke(APPS[name], [command, "--help"] if command else ["--help"])
    assert asked.exit_code == 0
    said = " ".join(asked.output.split())
    assert "Exit codes: 0 " in said
    assert "2 bad input or usage" in said
