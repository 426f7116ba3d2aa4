"""The resource group, created or adopted, with the names and the location of its resources."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native.resources import v20241101 as resources

from stack.settings import Settings


@dataclass(frozen=True)
class Place:
    """The resource group of the graph. `group_id` is its ARM id."""

    group_name: pulumi.Output[str]
    group_id: pulumi.Output[str]
    location: pulumi.Output[str]
    subscription_id: pulumi.Output[str]
    tags: dict[str, str]
    prefix: str

    def name(self, part: str) -> str:
        """Return a resource's logical name. Azure's name consists of the prefix, the part and a random suffix."""
        return f"{self.prefix}-{part}"

    def compact_name(self, part: str) -> str:
        """Return such a name for resources that allow only letters and digits, such as storage accounts."""
        return f"{self.prefix}{part}"


def make_place(settings: Settings) -> Place:
    """Declare the stack's resource group, or adopt the one that the settings name."""
    tags = {"project": pulumi.get_project(), "stack": pulumi.get_stack()}
    if settings.resource_group:
        adopted = resources.get_resource_group_output(resource_group_name=settings.resource_group)
        name, group_id, location = adopted.name, adopted.id, adopted.location
    else:
        made = resources.ResourceGroup(
            f"{settings.name_prefix}-{pulumi.get_stack()[:60]}", location=settings.location, tags=tags
        )
        name, group_id, location = made.name, made.id, made.location
    return Place(
        group_name=name,
        group_id=group_id,
        location=location,
        subscription_id=group_id.apply(subscription_of),
        tags=tags,
        prefix=settings.name_prefix,
    )


def subscription_of(resource_id: str) -> str:
    """Return the subscription's id in an ARM id `/subscriptions/<id>/...`."""
    return resource_id.split("/")[2]
