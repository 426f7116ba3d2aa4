"""`make preview`: the plan, without an Azure account."""

import os
import subprocess
import sys

import pytest

from tests.engine.engine import PROGRAM


def run(stack: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.engine.preview", "--stack", stack],
        cwd=PROGRAM,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.usefixtures("engine")  # skips where there is none
@pytest.mark.parametrize(("stack", "named"), [("dev", "ContainerApp faces-api"), ("ams", "Transform faceredact")])
def test_the_plan_of_a_stack_is_shown_and_held_to_the_rules(stack: str, named: str) -> None:
    shown = run(stack)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert named in shown.stdout
    assert "to create" in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith("rules, 0 breaches")


def test_an_unknown_stack_is_named_with_those_that_there_are() -> None:
    refused = run("production")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "there is no stack 'production'; allowed: ams, dev\n"


def test_without_an_engine_it_says_what_to_install() -> None:
    refused = run("dev", XDG_CACHE_HOME="/nowhere", PATH=os.defpath)
    assert refused.returncode == 2
    assert "the Pulumi CLI" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
