"""User-assigned managed identities, created with their roles before the resources that use them."""

import pulumi
from pulumi_azure_native.managedidentity import v20241130 as managedidentity

from stack.place import Place


def managed_identity(
    part: str, place: Place, parent: pulumi.Resource | None = None
) -> managedidentity.UserAssignedIdentity:
    """Declare an identity, named after the part of the graph that uses it."""
    return managedidentity.UserAssignedIdentity(
        place.name(f"{part}-identity"),
        resource_group_name=place.group_name,
        location=place.location,
        tags=place.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
