"""The README and all other pages say what is there: settings, commands, outputs, files, links."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from local.__main__ import app as local_app
from mediaservice.__main__ import app as mediaservice_app
from operations.__main__ import app as operations_app
from redactor.cli import app as redactor_app
from redactor.version import __version__
from stack.retries import WAITS

ROOT = Path(__file__).parent.parent
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text()
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md")
    for page in sorted(ROOT.glob(pattern))
}
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
PROSE = {name: FENCE.sub("", text) for name, text in PAGES.items()}
TEXT = "\n".join(PAGES.values())
# Files are named from the top, or, where a page is about one package, from there.
NAMED_FROM = [ROOT, *(ROOT / package for package in ("function", "redactor", "mediaservice", "local", "stack"))]
MADE = (ROOT / ".gitignore").read_text().splitlines()  # not in a checkout, but in use
MAKEFILE = (ROOT / "Makefile").read_text()
APPS = {
    "local": local_app,
    "mediaservice": mediaservice_app,
    "operations": operations_app,
    "redactor": redactor_app,
}
MAKE = {
    "redact": ("local", "redact"),
    "cloud": ("local", "up"),
    "replay": ("operations", "replay"),
    "smoke": ("operations", "smoke"),
}


def commands() -> Iterator[list[str]]:
    """Every command on the pages that is ours, as words."""
    blocks = [block for kind, block in FENCE.findall(TEXT) if kind == "sh"]
    spans = re.findall(r"`([^`\n]+)`", "\n".join(PROSE.values()))
    for line in [line.strip() for block in blocks for line in block.splitlines()] + spans:
        command = re.sub(r"^(\.venv/bin/)?python -m ", "", line)
        if re.match(rf"(make|{'|'.join(APPS)}) \w", command):
            yield shlex.split(command, comments=True)


def options(room: str, command: str) -> set[str]:
    """The options that `python -m ROOM COMMAND --help` lists."""
    commands: dict[str, Any] = getattr(typer.main.get_command(APPS[room]), "commands", {})
    assert command in commands, f"python -m {room} has no command {command}"
    return {"--help"} | {option for parameter in commands[command].params for option in parameter.opts}


def test_the_table_of_settings_is_pulumi_yaml() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]

    def row(name: str, setting: dict[str, Any]) -> str:
        default = setting["default"]
        value = f"`{default if isinstance(default, str) else json.dumps(default)}`" if default != "" else "none"
        return f"| `{name}` | {value} | {' '.join(setting['description'].split())} |"

    table = (
        PAGES["docs/settings.md"].partition("| setting | default | meaning |\n|---|---|---|\n")[2].partition("\n\n")[0]
    )
    assert table.splitlines() == [row(name, setting) for name, setting in declared.items()]


def test_its_make_commands_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.MULTILINE))
    variables = set(re.findall(r"\b([A-Z]+)=", MAKEFILE))
    used = [words[1:] for words in commands() if words[0] == "make"]
    assert used
    for target, *given in used:
        assert target in targets
        assert {each.partition("=")[0] for each in given} <= variables


def test_its_options_are_in_the_commands_help() -> None:
    seen = 0
    for words in commands():
        if words[0] == "make":
            given = [each.removeprefix("ARGS=") for each in words if each.startswith("ARGS=")]
            room, command = MAKE.get(words[1], ("", ""))
            arguments = shlex.split(" ".join(given))
        else:
            room, command, *arguments = words
        used = {each for each in arguments if each.startswith("--")}
        if command:
            assert used <= options(room, command)
        seen += len(used)
    assert seen, "the README shows no option"


def test_its_stack_outputs_are_exported() -> None:
    exported = set(re.findall(r'pulumi\.export\(\s*"(\w+)"', (ROOT / "__main__.py").read_text()))
    used = set(re.findall(r"pulumi stack output (\w+)", TEXT))
    assert used
    assert used <= exported


@pytest.mark.parametrize("page", PAGES)
def test_its_files_exist(page: str) -> None:
    named = re.findall(r"`((?:\.?\w+/)+(?:\w[\w.]*)?|[\w.]+\.(?:py|txt|lock|yaml))`", PROSE[page])
    assert [
        name
        for name in named
        if not any((folder / name).exists() for folder in [*NAMED_FROM, (ROOT / page).parent]) and name not in MADE
    ] == []
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]) if "://" not in link]
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_its_links_lead_to_headings(page: str) -> None:
    links = re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", PAGES[page])
    for other, anchor in links:
        target = (ROOT / page).parent.joinpath(other).resolve().relative_to(ROOT).as_posix() if other else page
        headings = re.findall(r"^#+ (.+)$", PROSE[target], flags=re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), {"README.md"}
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = re.findall(r"\]\(([\w./-]+\.md)", PAGES[page])
        named = {(ROOT / page).parent.joinpath(link).resolve().relative_to(ROOT).as_posix() for link in links}
        waiting |= (named & PAGES.keys()) - reached
    assert reached == PAGES.keys()


def test_settings_that_pages_speak_of_are_declared() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    used = set(re.findall(r"pulumi config [sg]et (\w+)\b(?!-)", TEXT)) - {"NAME"}
    assert used
    assert used <= declared.keys()


def test_every_failure_that_is_waited_for_is_under_troubleshooting() -> None:
    page = PAGES["docs/troubleshooting.md"]
    assert [wait.what for wait in WAITS if wait.what.removeprefix("the app's ") not in page] == []


def test_the_newest_version_has_its_changes_listed() -> None:
    listed = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", PAGES["CHANGELOG.md"], flags=re.MULTILINE)
    assert listed[0] == __version__
