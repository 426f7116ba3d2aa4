"""Where everything goes: the resource group, made or adopted, and what follows from it."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native.resources import v20241101 as resources

from stack.settings import Settings


@dataclass(frozen=True)
class Place:
    """The resource group that the graph stands in. `group_id` is its ARM id."""

    group_name: pulumi.Output[str]
    group_id: pulumi.Output[str]
    location: pulumi.Output[str]
    subscription_id: pulumi.Output[str]
    tags: dict[str, str]
    prefix: str

    def name(self, part: str) -> str:
        """The logical name of a resource, which Azure's name is made from: prefix, part, random suffix."""
        return f"{self.prefix}-{part}"

    def compact_name(self, part: str) -> str:
        """As `name`, for resources that allow letters and digits only, such as storage accounts."""
        return f"{self.prefix}{part}"


def make_place(settings: Settings) -> Place:
    """Make the stack's resource group, or adopt the one that the settings name."""
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
    """The subscription's id in an ARM id `/subscriptions/<id>/...`."""
    return resource_id.split("/")[2]
