"""Failures: what passes is waited for, what stays stops the deployment, and the next `up` goes on from there."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from pulumi.automation import CommandError

from stack.retries import WAITS, retry
from tests.engine.azure import Action, Azure, Operation, Snapshot
from tests.engine.conftest import Deployed
from tests.engine.engine import Engine, Run

TRIES = 3
SITE = Operation(Action.CREATE, "web:WebApp", "faces-function")
# What Azure said to others on these resources, before it was ready for them.
PASSING = {
    Operation(Action.CREATE, "authorization:RoleAssignment", "function-reads-uploads"): (
        'Code="PrincipalNotFound" Message="Principal 2f1e does not exist in the directory 72f9."'
    ),
    Operation(Action.CREATE, "app:ContainerApp", "faces-api"): (
        'Failed to provision revision. Error details: "Operation expired"'
    ),
    Operation(Action.CREATE, "resources:Deployment", "redact-on-upload"): (
        "Code=DeploymentFailed: at least one resource deployment operation failed: BadRequest"
    ),
    Operation(Action.CREATE, "eventgrid:SystemTopicEventSubscription", "redact-mp4"): (
        "Destination endpoint not found. Resource should pre-exist before attempting this operation."
    ),
    Operation(Action.CREATE, "eventgrid:SystemTopic", "faces-uploads"): (
        "Dead letter destination cannot be written: the identity is not authorized"
    ),
    Operation(Action.CREATE, "storage:BlobContainer", "releases"): (
        "This request is not authorized to perform this operation using this permission. "
        "ErrorCode:AuthorizationPermissionMismatch"
    ),
    Operation(Action.CREATE, "app:Job", "faces-worker"): (
        'Code="LinkedAuthorizationFailed" Message="no permission for userAssignedIdentities/assign/action"'
    ),
    Operation(Action.CREATE, "containerregistry:TaskRun", "image-build"): (
        "failed to build: toomanyrequests: You have reached your pull rate limit"
    ),
    Operation(Action.CREATE, "app:ManagedEnvironment", "faces-env"): (
        'Code="AnotherOperationInProgress" Message="Another operation is in progress on this resource"'
    ),
}


@dataclass(frozen=True)
class Interrupted:
    """An `up` that failed for good at the function app, and the next one; what each made, and was refused."""

    error: str
    before: Snapshot
    first: list[Operation]
    again: Run
    second: list[Operation]
    refused: list[Operation]
    after: Snapshot


@pytest.fixture(scope="module")
def interrupted(checkout: Path, azure: Azure, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    folder = shutil.copytree(checkout, tmp_path_factory.mktemp("interrupted") / "checkout", symlinks=True)
    program = folder / "__main__.py"
    without_pauses = f"from stack import retries\n\nretries.PAUSES = (0,) * {TRIES}\n"
    program.write_text(without_pauses + program.read_text())
    azure.restore(Snapshot({}, {}))
    for operation, message in PASSING.items():
        azure.refuse(operation, message, times=TRIES)
    azure.refuse(SITE, 'Code="AnotherOperationInProgress"', times=1)
    azure.refuse(SITE, 'Code="InvalidParameter" Message="The site is not to be."', times=1)
    stack = engine.stack(folder, "dev")
    with pytest.raises(CommandError) as failure:
        stack.up()
    before, first = azure.snapshot(), list(azure.journal)
    azure.journal.clear()
    again = stack.up()
    return Interrupted(
        str(failure.value), before, first, again, list(azure.journal), list(azure.refused), azure.snapshot()
    )


def test_every_wait_of_the_program_is_put_to_the_engine() -> None:
    met = {
        found[1]
        for operation, message in PASSING.items()
        if (found := retry(f"azure-native:{operation.kind}", [message], 1)) is not None
    }
    assert met == {wait.what for wait in WAITS}


def test_what_azure_is_not_ready_for_yet_is_tried_again_until_it_is(interrupted: Interrupted) -> None:
    assert {each: interrupted.refused.count(each) for each in PASSING} == dict.fromkeys(PASSING, TRIES)
    assert PASSING.keys() <= {*interrupted.first, *interrupted.second}


def test_a_wait_says_what_it_is_for(interrupted: Interrupted) -> None:
    said = [message for severity, message in interrupted.again.said if severity == "info"]
    assert "redact-mp4: waiting for the function to be indexed; trying again in 0 s (2 of 3)" in said


def test_a_failure_that_stays_stops_the_deployment_at_once_even_after_one_that_passed(
    interrupted: Interrupted,
) -> None:
    assert "The site is not to be" in interrupted.error
    assert interrupted.refused.count(SITE) == 2
    assert SITE not in interrupted.first


def test_an_up_after_an_interrupted_one_makes_what_is_missing_and_nothing_twice(
    interrupted: Interrupted, deployed: Deployed
) -> None:
    assert interrupted.first
    assert {each.action for each in interrupted.second} == {Action.CREATE}
    assert not set(interrupted.first) & set(interrupted.second)
    assert interrupted.before.resources.keys() < interrupted.after.resources.keys()

    def made(snapshot: Snapshot) -> set[tuple[str, str]]:
        return {(held.kind, held.name) for held in snapshot.resources.values()}

    assert made(interrupted.after) == made(deployed.azure)
