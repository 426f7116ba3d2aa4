"""Role assignments: a built-in data role, one principal and one scope each."""

import uuid
from collections.abc import Sequence
from enum import StrEnum

import pulumi
from pulumi_azure_native.authorization import v20220401 as authorization

from stack.place import subscription_of


class Role(StrEnum):
    """Built-in roles that the graph grants, with their role definitions' names (the same in every tenant)."""

    BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    BLOB_DELEGATOR = "db58b8e5-c6ad-4a2a-8342-4190687cbf4a"
    QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
    QUEUE_READER = "19e7f393-937e-4f77-808e-94535e297925"
    QUEUE_SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"
    TABLE_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
    EVENT_SENDER = "d5a91429-5739-47e2-a06b-3470a27159e7"
    METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
    ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    MEDIA_OPERATOR = "e4395492-1534-4db2-bedf-88c14621589c"


def definition_id(scope: str, role: Role) -> str:
    """Return the role definition's ARM id in the subscription of `scope`, the form that Azure returns."""
    return f"/subscriptions/{subscription_of(scope)}/providers/Microsoft.Authorization/roleDefinitions/{role.value}"


def assignment_name(scope: str, principal_id: str, role: Role) -> str:
    """Return a name that is the same for the same grant and different for any other.

    Azure refuses a fixed name for a new principal (RoleAssignmentUpdateNotPermitted), and a random one for the same
    grant (RoleAssignmentExists).
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope.lower()}|{principal_id}|{role.value}"))


def grant(
    name: str,
    role: Role,
    *,
    scope: pulumi.Output[str],
    principal_id: pulumi.Output[str],
    principal_type: pulumi.Input[str] = "ServicePrincipal",
    parent: pulumi.Resource | None = None,
    former_names: Sequence[str] = (),
) -> authorization.RoleAssignment:
    """Grant `role` at `scope` (an ARM id) to a principal, by default a managed identity.

    The principal's type is always given. Without it, Azure looks up a new identity in a directory that may lack it.
    Stacks that know the grant by one of `former_names` keep it.
    """
    return authorization.RoleAssignment(
        name,
        role_assignment_name=pulumi.Output.all(scope, principal_id).apply(
            lambda known: assignment_name(known[0], known[1], role)
        ),
        scope=scope,
        principal_id=principal_id,
        principal_type=principal_type,
        role_definition_id=scope.apply(lambda known: definition_id(known, role)),
        opts=pulumi.ResourceOptions(
            parent=parent, delete_before_replace=True, aliases=[pulumi.Alias(name=each) for each in former_names]
        ),
    )
