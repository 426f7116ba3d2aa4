"""Retries of operations that Azure is not ready for: propagating roles, indexing, images, busy resources.

Pulumi calls an error hook after each failed operation, which decides whether to repeat it. Only failures that are
known to pass are repeated, with growing pauses and a line that names the cause. Others stop the deployment at once. A
create that failed after the resource began to exist (a container app, an environment, a nested deployment) is repeated
as an update. Engines before 3.274.0 create again instead and lose the first resource (pulumi/pulumi#24683), so
Pulumi.yaml refuses them.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

# Seconds before each next try. By Azure's documentation, a new role takes up to 10 minutes to propagate; these add up
# to more.
SPREADING = (10, 20, 30, 45, 60, 60, 90, 90, 120, 120, 120)
# Starting hosts, registries and deletions take some minutes.
STARTING = (10, 20, 30, 30, 60, 60, 60, 60, 60, 60, 60, 60)
# Each try of these takes Azure about a quarter of an hour.
SLOW = (60, 120)
# Another deployment may take a quarter of an hour.
BUSY = (10, 20, 30, 60, 60, 120, 120, 180, 180, 180)
# A subnet is usually released within minutes, and at worst within two days, which is too long to wait.
RELEASING = (60, 120, 300, 600)


@dataclass(frozen=True)
class Wait:
    """A failure that passes. `sign` is searched for in the error, on resources whose type contains `kind`.

    `pauses` are the seconds before each next try. `otherwise` is the advice when the last one has failed.
    """

    sign: re.Pattern[str]
    what: str
    pauses: tuple[float, ...]
    otherwise: str
    kind: str = ""


@dataclass(frozen=True)
class Pause:
    """The next try: in `seconds`, with `number` of `tries`."""

    wait: Wait
    seconds: float
    number: int

    @property
    def tries(self) -> int:
        """The largest number of further tries."""
        return len(self.wait.pauses)


@dataclass(frozen=True)
class GivenUp:
    """All tries have failed."""

    wait: Wait


def _wait(sign: str, what: str, pauses: tuple[float, ...], otherwise: str, kind: str = "") -> Wait:
    return Wait(re.compile(sign, re.IGNORECASE), what, pauses, otherwise, kind)


# The first match counts.
WAITS = (
    _wait(
        "PrincipalNotFound|does not exist in the directory",
        "the directory to know a new identity",
        SPREADING,
        "run `pulumi up` again; then look whether somebody has deleted the identity",
    ),
    _wait(
        "AuthorizationPermissionMismatch|AuthorizationFailure|not authorized to perform this operation using this perm",
        "a role assignment to spread",
        SPREADING,
        "a network that is shut out gets the same error: look at the account's firewall, then run `pulumi up` again",
    ),
    _wait(
        "is not listed|triggers cannot be synced",
        "the function to be listed",
        STARTING,
        "the app runs without functions: look at the host's log stream, then run `pulumi up` again",
        "release:ListedFunction",
    ),
    _wait(
        "endpoint not found|should pre-exist",
        "the function to be known to Event Grid",
        STARTING,
        "look whether the app lists the function, then run `pulumi up` again",
        "eventgrid",
    ),
    _wait(
        # Event Grid writes a test blob when a dead-letter destination is configured
        "dead ?letter.*(Forbidden|403|not authorized|permission)",
        "the topic's role to spread",
        SPREADING,
        "the topic's system-assigned identity must be on and hold Storage Blob Data Contributor",
        "eventgrid",
    ),
    _wait(
        # One Deploy answers BadRequest for a package that the app's identity cannot read yet
        "BadRequest|Forbidden|403",
        "the app's roles to spread",
        SPREADING,
        "the app cannot read the package or its storage: the deployment's own error in the portal says which",
        "resources:Deployment",
    ),
    _wait(
        "LinkedAuthorizationFailed.*assign/action|Failed to get.*managed identity",
        "an identity to spread",
        SPREADING,
        "you may not assign identities: your role on the resource group must be Contributor or more",
    ),
    _wait(
        "ImagePull|failed to pull|unable to pull|UNAUTHORIZED: authentication required",
        "the registry to let the image be pulled",
        SPREADING,
        "look at the revision's system logs: the identity needs AcrPull, an image of your own must be public",
        "app:",
    ),
    _wait(
        # Azure's answer after about 15 minutes, for images that crash and for images that cannot be pulled
        "Operation expired",
        "the containers to start, a quarter of an hour each time",
        SLOW,
        "the image cannot be pulled or crashes: look at the revision's system and console logs",
        "app:",
    ),
    _wait(
        "toomanyrequests|429|rate exceeded",
        "the base image's registry to hand it out",
        STARTING,
        "wait an hour and run `pulumi up` again, or give an image of your own",
        "image:ImageBuild",
    ),
    _wait(
        "InUseSubnetCannotBeDeleted|InUseVirtualNetworkCannotBeDeleted|legionservicelink",
        "Azure to release the function's subnet",
        RELEASING,
        "Azure keeps the subnet's link for up to two days after the app: run the same command again then; "
        "nothing in the network is charged for meanwhile",
        "network:",
    ),
    _wait(
        "AnotherOperationInProgress|OperationInProgress|ConcurrentUpdate|ContainerAppOperationInProgress"
        "|cannot (modify|update|delete).*(in progress|being (created|updated|provisioned))|RetryableError",
        "another operation on it to end",
        BUSY,
        "somebody else deploys too: wait until that is over, then run `pulumi up` again",
    ),
)


def retry(kind: str, errors: Sequence[str]) -> Pause | GivenUp | None:
    """Return the reaction to a failed operation, or None for a permanent failure.

    `kind` is the resource's type token, `errors` are all failures' messages, the newest first. A wait's tries count as
    long as its failure repeats.
    """
    module = re.sub(r"/v\w+(?=:)", "", kind)
    wait = _wait_for(module, errors[0]) if errors else None
    if wait is None:
        return None
    number = 0
    for error in errors:
        if _wait_for(module, error) is not wait:
            break
        number += 1
    if number > len(wait.pauses):
        return GivenUp(wait)
    return Pause(wait, wait.pauses[number - 1], number)


def _wait_for(module: str, error: str) -> Wait | None:
    return next((wait for wait in WAITS if wait.kind in module and wait.sign.search(error)), None)


async def _on_error(args: pulumi.ErrorHookArgs) -> bool:
    match retry(args.type, args.errors):
        case Pause() as pause:
            pulumi.info(
                f"{args.name}: waiting for {pause.wait.what}; trying again in {pause.seconds:g} s "
                f"({pause.number} of {pause.tries})"
            )
            await asyncio.sleep(pause.seconds)
            return True
        case GivenUp(wait):
            pulumi.warn(f"{args.name}: gave up waiting for {wait.what}; {wait.otherwise}")
    return False


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
