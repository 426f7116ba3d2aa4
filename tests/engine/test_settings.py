"""Settings as people type them, on the real command line."""

import subprocess

import pytest
import yaml
from pulumi.automation import CommandError

from tests.engine.conftest import Place

# A program that reads its settings and declares nothing.
SETTINGS_ALONE = """
import pulumi

from stack.configuration import configured_keys
from stack.settings import read_settings

settings = read_settings(
    pulumi.Config(), pulumi.Config("azure-native").get("location"), configured_keys(pulumi.get_project())
)
pulumi.export("endings", list(settings.upload_endings))
pulumi.export("days", settings.result_days)
"""


@pytest.fixture
def place(empty: Place) -> Place:
    (empty.folder / "__main__.py").write_text(SETTINGS_ALONE)
    return empty


def pulumi(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in the program's folder, as a user does."""
    return place.engine.command(place.folder, *arguments, "--stack", "dev")


@pytest.mark.parametrize(
    "commands",
    [
        [("uploadEndings", '[".mp4", ".MOV"]')],
        [("uploadEndings", ".mp4,.MOV")],
        [("--path", "uploadEndings[0]", ".mp4"), ("--path", "uploadEndings[1]", ".MOV")],
    ],
    ids=["JSON", "commas", "path"],
)
def test_a_list_may_be_typed_in_any_of_three_ways(place: Place, commands: list[tuple[str, ...]]) -> None:
    stack = place.stack()
    for command in commands:
        done = pulumi(place, "config", "set", *command)
        assert done.returncode == 0, done.stderr
    assert stack.up().outputs["endings"] == [".mp4", ".MOV"]


def test_days_are_typed_as_a_number(place: Place) -> None:
    stack = place.stack()
    done = pulumi(place, "config", "set", "resultDays", "90")
    assert done.returncode == 0, done.stderr
    assert stack.up().outputs["days"] == 90


def test_a_misspelt_key_stops_the_update_with_its_line(place: Place) -> None:
    place.set("workerLimt", 20)
    stack = place.stack()
    with pytest.raises(CommandError):
        stack.up()
    said = [message for severity, message in stack.last.said if severity == "error"]
    assert "face-redaction:workerLimt is not a setting; did you mean workerLimit?" in said[0]
    assert "Traceback" not in str(said)


def test_an_engine_that_the_project_does_not_allow_is_refused(place: Place) -> None:
    file = place.folder / "Pulumi.yaml"
    project = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**project, "requiredPulumiVersion": ">=9.0.0"}))
    with pytest.raises(CommandError, match="does not satisfy the version range"):
        place.stack().up()
