"""Retries of operations that Azure is not ready for: propagating roles, indexing, images, busy resources.

Pulumi calls an error hook after each failed operation, which decides whether to repeat it. Only failures that are
known to pass are repeated, with growing pauses and a line that names the cause. Others stop the deployment at once.
"""

import asyncio
import re
from dataclasses import dataclass

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

# By Azure's documentation, a new role takes up to 10 minutes to propagate. The pauses add up to slightly more.
PAUSES = (10, 20, 30, 45, 60, 60, 90, 90, 120, 120, 120)


@dataclass(frozen=True)
class Wait:
    """A failure that passes. `sign` is searched for in the error, on resources whose type contains `kind`."""

    sign: re.Pattern[str]
    what: str
    kind: str = ""


def _wait(sign: str, what: str, kind: str = "") -> Wait:
    return Wait(re.compile(sign, re.IGNORECASE), what, kind)


WAITS = (
    _wait("PrincipalNotFound|does not exist in the directory", "the directory to know a new identity"),
    _wait(
        "AuthorizationPermissionMismatch|AuthorizationFailure|not authorized to perform this operation using this perm",
        "a role assignment to spread",
    ),
    _wait("endpoint not found|should pre-exist", "the function to be indexed", "eventgrid"),
    # Event Grid writes a test blob when a dead-letter destination is configured
    _wait("dead ?letter.*(Forbidden|403|not authorized|permission)", "the topic's role to spread", "eventgrid"),
    # One Deploy answers BadRequest for a package that the app's identity cannot read yet
    _wait("BadRequest|Forbidden|403", "the app's roles to spread", "resources:Deployment"),
    _wait("LinkedAuthorizationFailed.*assign/action|Failed to get.*managed identity", "an identity to spread"),
    _wait(
        "Operation expired|ImagePull|failed to pull|unable to pull|UNAUTHORIZED: authentication required",
        "the registry to let the image be pulled",
        "app:",
    ),
    _wait("toomanyrequests|429", "Docker Hub to hand out the base image again", "containerregistry:"),
    _wait(
        "AnotherOperationInProgress|OperationInProgress|ConcurrentUpdate|ContainerAppOperationInProgress"
        "|cannot (modify|update|delete).*(in progress|being (created|updated|provisioned))|RetryableError",
        "another operation on it to end",
    ),
)


def retry(kind: str, errors: list[str], attempt: int) -> tuple[float, str] | None:
    """Return the pause in seconds before the next try, and its cause. Return None for a permanent failure.

    `kind` is the resource's type token, `errors` are the last failure's messages, `attempt` counts failures from 1.
    """
    if attempt > len(PAUSES):
        return None
    module = re.sub(r"/v\w+(?=:)", "", kind)
    for each in WAITS:
        if each.kind in module and any(each.sign.search(error) for error in errors):
            return PAUSES[attempt - 1], each.what
    return None


async def _on_error(args: pulumi.ErrorHookArgs) -> bool:
    attempt = len(args.errors)
    found = retry(args.type, args.errors[:1], attempt)
    if found is None:
        return False
    pause, what = found
    pulumi.info(f"{args.name}: waiting for {what}; trying again in {pause} s ({attempt} of {len(PAUSES)})")
    await asyncio.sleep(pause)
    return True


def retry_transient_failures() -> None:
    """Apply these retries to every Azure resource declared from here on."""
    if isinstance(get_monitor(), MockMonitor):
        return  # mocks have no engine that repeats operations or accepts the hook
    hook = pulumi.ErrorHook("not-ready-yet", _on_error)

    def with_hook(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not args.type_.startswith(("azure-native:", "azuread:", "pulumi-python:")):
            return None
        hooks = pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(on_error=[hook]))
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, hooks))

    pulumi.runtime.register_stack_transformation(with_hook)
