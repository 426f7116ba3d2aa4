"""Resources that are there already: taken into the graph as they stand, changed by nothing, left behind at its end."""

import pulumi


def adopted(existing: str | None, options: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """`options`, and what adopts the resource with the ARM id `existing`, if there is one."""
    if existing is None:
        return options
    adopting = pulumi.ResourceOptions(import_=existing, ignore_changes=["*"], retain_on_delete=True, protect=False)
    return pulumi.ResourceOptions.merge(options, adopting)


def name_of(existing: str) -> str:
    """The last part of an ARM id."""
    return existing.rsplit("/", 1)[-1]


def group_of(existing: str) -> str:
    """The resource group in an ARM id `/subscriptions/<id>/resourceGroups/<name>/...`."""
    return existing.split("/")[4]
