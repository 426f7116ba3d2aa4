"""Failures: passing ones are waited for, permanent ones stop the deployment, and the next `up` continues."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from pulumi.automation import CommandError

from stack.retries import RELEASING, WAITS, Pause, retry
from tests.engine.azure import Action, Azure, Operation, Snapshot
from tests.engine.conftest import Deployed, Place
from tests.engine.engine import Engine

TRIES = 2  # fewer than the tries of any wait
WITHOUT_PAUSES = """
import dataclasses

from stack import retries

retries.WAITS = tuple(dataclasses.replace(wait, pauses=(0,) * len(wait.pauses)) for wait in retries.WAITS)
"""
SITE = Operation(Action.CREATE, "web:WebApp", "faces-function")
# A program with a private network and nothing in it.
NETWORK_ALONE = """
import pulumi

from stack.network import Network
from stack.place import make_place
from stack.settings import read_settings

retries.retry_transient_failures()
settings = read_settings(pulumi.Config(), pulumi.Config("azure-native").get("location"))
Network("network", make_place(settings), settings.network_range)
"""
# Azure's reported answers for these resources, before it was ready for them.
PASSING = {
    Operation(Action.CREATE, "authorization:RoleAssignment", "function-reads-uploads"): (
        'Code="PrincipalNotFound" Message="Principal 2f1e does not exist in the directory 72f9."'
    ),
    Operation(Action.CREATE, "eventgrid:SystemTopicEventSubscription", "redact-uploads"): (
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
}
# The same for operations that had begun, after the resource existed.
BROKEN = {
    Operation(Action.CREATE, "app:ContainerApp", "faces-api"): (
        'Failed to provision revision. Error details: "Operation expired"'
    ),
    Operation(Action.CREATE, "resources:Deployment", "redact-on-upload"): (
        "Code=DeploymentFailed: at least one resource deployment operation failed: BadRequest"
    ),
    Operation(Action.CREATE, "app:ManagedEnvironment", "faces-env"): (
        'Code="AnotherOperationInProgress" Message="Another operation is in progress on this resource"'
    ),
}
THROTTLED = "Step 1/9 : FROM base\ntoomanyrequests: Rate exceeded\nfailed to run step ID: build: exit status 1"


@dataclass(frozen=True)
class Interrupted:
    """An `up` with a permanent failure at the function app, and the next one, with their creations and refusals."""

    error: str
    said: list[str]
    before: Snapshot
    first: list[Operation]
    second: list[Operation]
    refused: list[Operation]
    after: Snapshot
    kept: set[str]
    builds: int


@pytest.fixture(scope="module")
def interrupted(checkout: Path, azure: Azure, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    folder = shutil.copytree(checkout, tmp_path_factory.mktemp("interrupted") / "checkout", symlinks=True)
    program = folder / "__main__.py"
    program.write_text(WITHOUT_PAUSES + program.read_text())
    azure.restore(Snapshot({}, {}))
    for operation, message in PASSING.items():
        azure.refuse(operation, message, times=TRIES)
    for operation, message in BROKEN.items():
        azure.break_after(operation, message, times=TRIES)
    azure.build_logs += [THROTTLED] * TRIES
    azure.unready_syncs = TRIES
    azure.refuse(SITE, 'Code="AnotherOperationInProgress"', times=1)
    azure.refuse(SITE, 'Code="InvalidParameter" Message="The site is not to be."', times=1)
    stack = engine.stack(folder, "dev")
    with pytest.raises(CommandError) as failure:
        stack.up()
    said = [message for _, message in stack.last.said]
    before, first = azure.snapshot(), list(azure.journal)
    azure.journal.clear()
    said += [message for _, message in stack.up().said]
    return Interrupted(
        error=str(failure.value),
        said=said,
        before=before,
        first=first,
        second=list(azure.journal),
        refused=list(azure.refused),
        after=azure.snapshot(),
        kept=set(stack.kept()),
        builds=len(azure.builds),
    )


def test_every_wait_of_the_program_is_put_to_the_engine() -> None:
    put = [(f"azure-native:{each.kind}", message) for each, message in {**PASSING, **BROKEN}.items()]
    put.append(("pulumi-python:dynamic/image:ImageBuild", THROTTLED))
    put.append(("pulumi-python:dynamic/release:ListedFunction", "the app's triggers cannot be synced yet"))
    put.append(("azure-native:app:Job", "ImagePull"))
    put.append(("azure-native:network:VirtualNetwork", "InUseSubnetCannotBeDeleted"))
    met = {found.wait.what for kind, message in put if isinstance(found := retry(kind, [message]), Pause)}
    assert met == {wait.what for wait in WAITS}


def test_what_azure_is_not_ready_for_yet_is_tried_again_until_it_is(interrupted: Interrupted) -> None:
    expected = {**PASSING, **BROKEN}
    assert {each: interrupted.refused.count(each) for each in expected} == dict.fromkeys(expected, TRIES)
    assert PASSING.keys() <= {*interrupted.first, *interrupted.second}


def test_a_create_that_failed_after_it_began_is_gone_on_with_and_leaves_no_orphan(interrupted: Interrupted) -> None:
    for operation in BROKEN:
        made = [each for each in [*interrupted.first, *interrupted.second] if each.name == operation.name]
        # the engine requests its creation once, then its update, until that succeeds
        assert [each.action for each in made] == [Action.CREATE, *[Action.UPDATE] * TRIES], operation.name
    kept = {urn.rsplit("::", 1)[-1] for urn in interrupted.kept}
    assert {held.name for held in interrupted.after.resources.values()} <= kept


def test_a_build_that_failed_is_built_again(interrupted: Interrupted) -> None:
    assert interrupted.builds == 1
    waited = [each for each in interrupted.said if each.startswith("image-build: waiting for the base image's")]
    assert len(waited) == TRIES


def test_the_subscription_waits_until_the_app_lists_its_function(interrupted: Interrupted) -> None:
    waited = [each for each in interrupted.said if each.startswith("redact-on-upload-listed: waiting for")]
    assert len(waited) == TRIES


def test_a_wait_says_what_it_is_for(interrupted: Interrupted) -> None:
    waiting = "redact-uploads: waiting for the function to be known to Event Grid; trying again in 0 s (2 of 12)"
    assert waiting in interrupted.said


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
    created = [each for each in [*interrupted.first, *interrupted.second] if each.action is Action.CREATE]
    assert len(set(created)) == len(created)
    assert interrupted.before.resources.keys() < interrupted.after.resources.keys()

    def made(snapshot: Snapshot) -> set[tuple[str, str]]:
        return {(held.kind, held.name) for held in snapshot.resources.values()}

    assert made(interrupted.after) == made(deployed.azure)


def test_a_link_that_ended_before_its_deployment_succeeded_is_signed_anew_by_the_next_up(empty: Place) -> None:
    program, release = empty.folder / "__main__.py", empty.folder / "stack" / "function" / "release.py"
    program.write_text(WITHOUT_PAUSES + program.read_text())
    text = release.read_text()
    ended = text.replace("_LINK_LIFE = ", "_LINK_LIFE = -_CLOCK_SKEW / 2 or ")
    assert ended != text
    release.write_text(ended)
    stack = empty.stack()
    with pytest.raises(CommandError, match="the package could not be read"):
        stack.up()
    assert not empty.azure.code
    release.write_text(text)
    stack.up()
    assert empty.azure.code
    signed = Operation(Action.CREATE, "resources:Deployment", "redact-on-upload")
    assert empty.azure.journal.count(signed) == 1
    assert stack.up().changes == set()


def test_a_subnet_that_azure_does_not_release_is_waited_for_and_then_named_with_what_to_do(empty: Place) -> None:
    """Azure keeps the function's link to its subnet for up to two days."""
    (empty.folder / "__main__.py").write_text(WITHOUT_PAUSES + NETWORK_ALONE)
    stack = empty.stack()
    stack.up()
    network = Operation(Action.DELETE, "network:VirtualNetwork", "faces-network")
    held = (
        "Code=InUseSubnetCannotBeDeleted Subnet trigger is in use by trigger/serviceAssociationLinks/legionservicelink"
    )
    empty.azure.refuse(network, held, times=len(RELEASING) + 1)
    with pytest.raises(CommandError):
        stack.destroy()
    assert empty.azure.refused.count(network) == len(RELEASING) + 1
    (gave_up,) = [message for _, message in stack.last.said if message.startswith("faces-network: gave up")]
    assert "for up to two days" in gave_up
    assert "run the same command again" in gave_up
    stack.destroy()
    assert not empty.azure.resources
