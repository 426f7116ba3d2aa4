"""Failures that pass are repeated with growing pauses; failures that stay are not."""

import pytest

from stack.retries import BUSY, RELEASING, SLOW, SPREADING, STARTING, WAITS, GivenUp, Pause, retry

ROLE = "azure-native:authorization/v20220401:RoleAssignment"
SUBSCRIPTION = "azure-native:eventgrid/v20250215:SystemTopicEventSubscription"
DEPLOYMENT = "azure-native:resources/v20241101:Deployment"
APP = "azure-native:app/v20250101:ContainerApp"
BUILD = "pulumi-python:dynamic/image:ImageBuild"
LISTING = "pulumi-python:dynamic/release:ListedFunction"
NETWORK = "azure-native:network/v20240501:VirtualNetwork"
UPLOAD = "pulumi-python:dynamic/release:UploadedPackage"


@pytest.mark.parametrize(
    ("kind", "error", "what"),
    [
        (
            ROLE,
            'Code="PrincipalNotFound" Message="Principal 2f1e does not exist in the directory 72f9."',
            "the directory to know a new identity",
        ),
        (
            UPLOAD,
            "This request is not authorized to perform this operation using this permission. "
            "ErrorCode:AuthorizationPermissionMismatch",
            "a role assignment to spread",
        ),
        (
            SUBSCRIPTION,
            "Destination endpoint not found. Resource details: /subscriptions/x/functions/redact_on_upload. "
            "Resource should pre-exist before attempting this operation.",
            "the function to be known to Event Grid",
        ),
        (
            DEPLOYMENT,
            "Code=DeploymentFailed: at least one resource deployment operation failed: BadRequest",
            "the app's roles to spread",
        ),
        (
            APP,
            'Failed to provision revision. Error details: "Operation expired"',
            "the containers to start, a quarter of an hour each time",
        ),
        (APP, "ImagePullFailure: failed to pull image", "the registry to let the image be pulled"),
        (
            BUILD,
            "the image's build ca1 ended in Failed: toomanyrequests: Rate exceeded | failed to run step",
            "the base image's registry to hand it out",
        ),
        (LISTING, "the function redact_on_upload is not listed by the app yet", "the function to be listed"),
        (LISTING, "the app's triggers cannot be synced yet: Azure answers 503", "the function to be listed"),
        (
            NETWORK,
            "Code=InUseSubnetCannotBeDeleted: Subnet trigger is in use by legionservicelink and cannot be deleted",
            "Azure to release the function's subnet",
        ),
        (APP, "ContainerAppOperationInProgress: an operation is in progress", "another operation on it to end"),
    ],
)
def test_a_failure_that_passes_is_repeated_and_says_what_is_waited_for(kind: str, error: str, what: str) -> None:
    found = retry(kind, [error])
    assert isinstance(found, Pause)
    assert (found.wait.what, found.number, found.seconds) == (what, 1, found.wait.pauses[0])


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (
            ROLE,
            "The client 'me' does not have authorization to perform action "
            "'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/x'. Code=AuthorizationFailed",
        ),
        (BUILD, "the image's build ca1 ended in Failed: COPY failed: no such file"),
        (LISTING, "Client error '403 Forbidden' for url"),
        (ROLE, "Code=RoleAssignmentExists: the role assignment already exists"),
        (APP, 'Code="InvalidParameterValueInContainerTemplate" Message="BadRequest: the image name is invalid"'),
        (SUBSCRIPTION, "Code=MissingSubscriptionRegistration: Microsoft.EventGrid"),
        (SUBSCRIPTION, "InvalidRequest: advanced filter key is wrong"),
        ("azure-native:storage/v20240101:StorageAccount", "StorageAccountAlreadyTaken: the name is already taken"),
    ],
)
def test_a_failure_that_stays_stops_at_once(kind: str, error: str) -> None:
    assert retry(kind, [error]) is None


def test_pauses_grow_and_every_wait_says_what_to_do_when_it_never_ends() -> None:
    for wait in WAITS:
        assert list(wait.pauses) == sorted(wait.pauses)
        assert wait.otherwise
        assert "\n" not in wait.otherwise


def test_waits_are_as_long_as_what_they_wait_for() -> None:
    assert 600 < sum(SPREADING) < 900  # roles take up to 10 minutes
    assert 300 < sum(STARTING) < 900
    assert len(SLOW) * 900 + sum(SLOW) < 3600  # each try of these takes a quarter of an hour by itself
    assert 900 < sum(BUSY) < 1800
    assert sum(RELEASING) < 3600  # it may take two days, which nobody waits for


def test_waiting_ends_after_the_waits_own_number_of_tries() -> None:
    expired = 'Failed to provision revision. Error details: "Operation expired"'
    for kind, error, tries in ((ROLE, "PrincipalNotFound", len(SPREADING)), (APP, expired, len(SLOW))):
        last = retry(kind, [error] * tries)
        assert isinstance(last, Pause)
        assert last.number == last.tries == tries
        assert isinstance(retry(kind, [error] * (tries + 1)), GivenUp)


def test_a_failure_that_follows_another_ones_has_all_of_its_own_tries() -> None:
    errors = ["Operation expired", *["LinkedAuthorizationFailed for assign/action"] * 7]
    found = retry(APP, errors)
    assert isinstance(found, Pause)
    assert (found.number, found.tries) == (1, len(SLOW))
