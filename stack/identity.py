"""User-assigned managed identities: made, and given their roles, before what runs as them."""

import pulumi
from pulumi_azure_native.managedidentity import v20241130 as managedidentity

from stack.place import Place


def managed_identity(
    part: str, place: Place, parent: pulumi.Resource | None = None
) -> managedidentity.UserAssignedIdentity:
    """An identity named after the part of the graph that acts as it."""
    return managedidentity.UserAssignedIdentity(
        place.name(f"{part}-identity"),
        resource_group_name=place.group_name,
        location=place.location,
        tags=place.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
