"""Failures that pass are repeated with growing pauses; failures that stay are not."""

import pytest

from stack.retries import PAUSES, retry

ROLE = "azure-native:authorization/v20220401:RoleAssignment"
SUBSCRIPTION = "azure-native:eventgrid/v20250215:SystemTopicEventSubscription"
DEPLOYMENT = "azure-native:resources/v20241101:Deployment"
APP = "azure-native:app/v20250101:ContainerApp"
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
            "the function to be indexed",
        ),
        (
            DEPLOYMENT,
            "Code=DeploymentFailed: at least one resource deployment operation failed: BadRequest",
            "the app's roles to spread",
        ),
        (
            APP,
            'Failed to provision revision. Error details: "Operation expired"',
            "the registry to let the image be pulled",
        ),
        (
            "azure-native:containerregistry/v20190601preview:TaskRun",
            "failed to build: toomanyrequests: You have reached your pull rate limit",
            "Docker Hub to hand out the base image again",
        ),
        (APP, "ContainerAppOperationInProgress: an operation is in progress", "another operation on it to end"),
    ],
)
def test_a_failure_that_passes_is_repeated_and_says_what_is_waited_for(kind: str, error: str, what: str) -> None:
    assert retry(kind, [error], 1) == (PAUSES[0], what)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (
            ROLE,
            "The client 'me' does not have authorization to perform action "
            "'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/x'. Code=AuthorizationFailed",
        ),
        (ROLE, "Code=RoleAssignmentExists: the role assignment already exists"),
        (APP, 'Code="InvalidParameterValueInContainerTemplate" Message="BadRequest: the image name is invalid"'),
        (SUBSCRIPTION, "Code=MissingSubscriptionRegistration: Microsoft.EventGrid"),
        (SUBSCRIPTION, "InvalidRequest: advanced filter key is wrong"),
        ("azure-native:storage/v20240101:StorageAccount", "StorageAccountAlreadyTaken: the name is already taken"),
    ],
)
def test_a_failure_that_stays_stops_at_once(kind: str, error: str) -> None:
    assert retry(kind, [error], 1) is None


def test_pauses_grow_and_together_outlast_the_ten_minutes_that_roles_take() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert 600 < sum(PAUSES) < 900


def test_waiting_ends() -> None:
    assert retry(ROLE, ["PrincipalNotFound"], len(PAUSES)) is not None
    assert retry(ROLE, ["PrincipalNotFound"], len(PAUSES) + 1) is None
