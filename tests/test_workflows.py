"""The workflows on GitHub: their permissions, commands and form."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

PROGRAM = Path(__file__).parents[1]
FOLDER = PROGRAM / ".github" / "workflows"
WORKFLOWS = ["ci", "deploy", "destroy", "preview"]
FILES = [*FOLDER.glob("*.yml"), *(PROGRAM / ".github" / "actions").glob("*/action.yml")]
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def read(name: str) -> dict[Any, Any]:
    content = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    assert isinstance(content, dict)
    return content


def triggers(name: str) -> dict[str, Any]:
    content = read(name)[True]  # YAML 1.1 reads the key `on` as a truth value
    assert isinstance(content, dict)
    return content


def jobs(name: str) -> dict[str, dict[str, Any]]:
    content = read(name)["jobs"]
    assert isinstance(content, dict)
    return content


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in jobs(name).values():
        yield from job.get("steps", [])


def pulumi_step(name: str) -> dict[str, Any]:
    (found,) = [step for step in steps(name) if step.get("uses", "").startswith("pulumi/actions@")]
    return found


@pytest.fixture(scope="module")
def actionlint() -> Path:
    """Built by Go from its module proxy, which GitHub's machines have; Python's package of it is no wheel."""
    if not (go := shutil.which("go")):
        pytest.skip("Go is not installed, which builds actionlint")
    folder = PROGRAM / ".cache" / ACTIONLINT.replace("/", "-")
    if not (folder / "actionlint").exists():
        environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": ""}
        built = subprocess.run(
            [go, "install", ACTIONLINT], capture_output=True, text=True, check=False, env=environment
        )
        if built.returncode and "CI" not in os.environ:
            pytest.skip(f"actionlint could not be built: {built.stderr.strip().splitlines()[-1]}")
        assert built.returncode == 0, built.stderr
    return folder / "actionlint"


def test_actionlint_finds_nothing(actionlint: Path) -> None:
    said = subprocess.run([actionlint, "-no-color"], cwd=PROGRAM, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_there_is_nothing_but_what_is_checked_here() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == [f"{name}.yml" for name in WORKFLOWS]


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(PROGRAM / ".github")))
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(file: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.+)$", file.read_text(), re.MULTILINE)
    assert used
    for each in used:
        assert re.fullmatch(r"\./\.github/.+|[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_an_action_is_the_same_commit_everywhere() -> None:
    used = {pin for file in FILES for pin in re.findall(r"uses: ([\w.-]+/\S+@.+)$", file.read_text(), re.MULTILINE)}
    assert len({pin.split("@")[0] for pin in used}) == len(used)


@pytest.mark.parametrize(
    ("name", "granted"),
    [
        ("ci", {"check": {"contents": "read"}}),
        ("preview", {"preview": {"contents": "read", "id-token": "write", "pull-requests": "write"}}),
        ("deploy", {"check": {"contents": "read"}, "deploy": {"contents": "read", "id-token": "write"}}),
        ("destroy", {"confirm": {}, "destroy": {"contents": "read", "id-token": "write"}}),
    ],
)
def test_a_job_may_do_what_it_needs_and_no_more(name: str, granted: dict[str, dict[str, str]]) -> None:
    assert read(name)["permissions"] == {}
    assert {job: declared["permissions"] for job, declared in jobs(name).items()} == granted


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_job_runs_for_ever(name: str) -> None:
    for job in jobs(name).values():
        assert "uses" in job or 1 <= job["timeout-minutes"] <= 180


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_repositorys_token_is_not_left_on_disk(name: str) -> None:
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_that_somebody_typed_is_run_as_a_script(name: str) -> None:
    for step in steps(name):
        assert "${{" not in step.get("run", "")


def test_a_pull_request_never_runs_with_the_rights_of_main() -> None:
    assert {name: set(triggers(name)) for name in WORKFLOWS} == {
        "ci": {"pull_request", "workflow_call"},
        "preview": {"pull_request"},
        "deploy": {"push", "workflow_dispatch"},
        "destroy": {"workflow_dispatch"},
    }
    assert triggers("deploy")["push"] == {"branches": ["main"]}


def test_a_fork_gets_no_preview() -> None:
    condition = jobs("preview")["preview"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition.split(" && ")


def test_a_running_update_is_waited_for_never_cut_off() -> None:
    groups = [jobs("deploy")["deploy"]["concurrency"], jobs("destroy")["destroy"]["concurrency"]]
    assert [group["cancel-in-progress"] for group in groups] == [False, False]
    assert groups[0]["group"] == "stack-${{ inputs.stack || vars.PULUMI_STACK || 'dev' }}"
    assert groups[1]["group"] == "stack-${{ inputs.stack }}"
    assert "concurrency" not in read("deploy")
    assert "concurrency" not in read("destroy")


@pytest.mark.parametrize(("name", "job"), [("deploy", "deploy"), ("destroy", "destroy")])
def test_what_changes_azure_runs_in_the_stacks_protected_environment(name: str, job: str) -> None:
    declared = jobs(name)[job]
    assert declared["concurrency"]["group"] == f"stack-{declared['environment']}"
    assert pulumi_step(name)["with"]["stack-name"].endswith(declared["environment"])


def test_nothing_is_deployed_before_ci_has_passed() -> None:
    deploy = jobs("deploy")
    assert deploy["check"]["uses"] == "./.github/workflows/ci.yml"
    assert deploy["deploy"]["needs"] == "check"


@pytest.mark.parametrize("name", ["preview", "deploy", "destroy"])
def test_azure_is_reached_without_a_secret(name: str) -> None:
    assert jobs(name)[name]["env"] == {
        "ARM_USE_OIDC": "true",
        "ARM_CLIENT_ID": "${{ vars.ARM_CLIENT_ID }}",
        "ARM_TENANT_ID": "${{ vars.ARM_TENANT_ID }}",
        "ARM_SUBSCRIPTION_ID": "${{ vars.ARM_SUBSCRIPTION_ID }}",
    }
    secrets = set(re.findall(r"secrets\.(\w+)", (FOLDER / f"{name}.yml").read_text()))
    assert secrets == {"PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE"}


@pytest.mark.parametrize("name", ["preview", "deploy"])
def test_what_would_change_azure_is_held_to_the_policy_pack(name: str) -> None:
    assert pulumi_step(name)["with"]["policyPacks"] == "policy"
    assert (PROGRAM / "policy" / "PulumiPolicy.yaml").exists()


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("name", ["preview", "deploy", "destroy"])
def test_the_command_line_is_the_one_that_the_project_asks_for_and_no_older_than_the_sdk(name: str) -> None:
    used = pulumi_step(name)["with"]["pulumi-version"]
    project = yaml.safe_load((PROGRAM / "Pulumi.yaml").read_text())
    assert project["requiredPulumiVersion"] == f">={used}"
    built = re.findall(r"^version=(\S+)$", (PROGRAM / ".ci" / "build-pulumi").read_text(), re.MULTILINE)
    assert [used] == built
    (pinned,) = re.findall(r"^pulumi==(\S+)", (PROGRAM / "requirements.txt").read_text(), re.MULTILINE)
    assert numbers(used) >= numbers(pinned)
    assert numbers(used) >= [3, 274, 0]  # older engines lose resources whose creation fails late (pulumi#24683)


@pytest.mark.parametrize("name", ["preview", "deploy", "destroy"])
def test_a_link_to_the_state_outlives_the_job(name: str) -> None:
    """GitHub's token lives for five minutes, and a login made with it for an hour."""
    listed = list(jobs(name)[name]["steps"])
    (signing,) = [step for step in listed if "sign-state" in step.get("run", "")]
    assert int(signing["run"].rsplit(" ", 1)[-1]) > jobs(name)[name]["timeout-minutes"]
    assert signing["if"] == "startsWith(vars.PULUMI_BACKEND_URL, 'azblob://')"
    login = next(index for index, step in enumerate(listed) if step.get("uses", "").startswith("azure/login@"))
    assert login < listed.index(signing) < listed.index(pulumi_step(name))
    assert listed[login]["if"] == signing["if"]


def sign_state(folder: Path, url: str) -> tuple[subprocess.CompletedProcess[str], str, str]:
    """The script with a stand-in for `az`; what it printed, what it hands on, and what it asked `az` for."""
    az = folder / "az"
    az.write_text('#!/bin/sh\necho "$@" >>"$ASKED"\necho "sv=1&sig=secret"\n')
    az.chmod(0o755)
    handed_on, asked = folder / "env", folder / "asked"
    handed_on.touch()
    asked.touch()
    ran = subprocess.run(
        [PROGRAM / ".github" / "scripts" / "sign-state", "240"],
        env={
            "PATH": f"{folder}:{os.defpath}",
            "BACKEND_URL": url,
            "GITHUB_ENV": str(handed_on),
            "ASKED": str(asked),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return ran, handed_on.read_text(), asked.read_text()


def test_the_link_is_for_the_states_container_and_masked_before_it_is_handed_on(tmp_path: Path) -> None:
    ran, handed_on, asked = sign_state(tmp_path, "azblob://state?storage_account=ourstate")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "::add-mask::sv=1&sig=secret\n", "")
    assert handed_on == "AZURE_STORAGE_ACCOUNT=ourstate\nAZURE_STORAGE_SAS_TOKEN=sv=1&sig=secret\n"
    for option in ("--as-user", "--auth-mode login", "--https-only", "--account-name ourstate --name state"):
        assert option in asked
    (end,) = re.findall(r"--expiry (\S+)", asked)
    ahead = datetime.fromisoformat(end) - datetime.now(UTC)
    assert timedelta(hours=3, minutes=58) < ahead <= timedelta(hours=4)


@pytest.mark.parametrize("url", ["azblob://state", "azblob://?storage_account=ourstate", "s3://state"])
def test_an_address_without_container_or_account_is_refused(tmp_path: Path, url: str) -> None:
    ran, handed_on, asked = sign_state(tmp_path, url)
    assert (ran.returncode, handed_on, asked) == (1, "", "")
    assert ran.stdout == (
        f"::error::PULUMI_BACKEND_URL is '{url}'; allowed: azblob://CONTAINER?storage_account=ACCOUNT\n"
    )


def test_deletions_have_the_programs_hooks() -> None:
    assert pulumi_step("destroy")["env"]["PULUMI_RUN_PROGRAM"] == "true"


@pytest.mark.parametrize(
    ("stack", "confirm", "code"),
    [("prod", "prod", 0), ("prod", "dev", 1), ("prod", "", 1), ("prod", "Prod", 1), ("prod", "*", 1), ("", "", 1)],
)
def test_a_stack_is_destroyed_only_when_its_name_is_typed_again(stack: str, confirm: str, code: int) -> None:
    (step,) = jobs("destroy")["confirm"]["steps"]
    assert jobs("destroy")["destroy"]["needs"] == "confirm"
    assert step["env"] == {"STACK": "${{ inputs.stack }}", "CONFIRM": "${{ inputs.confirm }}"}
    ran = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        env={**os.environ, "STACK": stack, "CONFIRM": confirm},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code
    assert ("nothing was destroyed" in ran.stdout) == (code != 0)


def test_the_policy_pack_stands_on_the_programs_pulumi() -> None:
    def pin(path: str) -> list[str]:
        return re.findall(r"^pulumi==(\S+)", (PROGRAM / path).read_text(), re.MULTILINE)

    assert pin("policy/requirements.txt") == pin("policy/requirements.lock") == pin("requirements.txt")
