"""Adoption of existing resources: they join the graph unchanged, and remain when it is destroyed."""

import pulumi


def adopted(existing: str | None, options: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Return `options`, extended to adopt the resource with the ARM id `existing`, if any."""
    if existing is None:
        return options
    adopting = pulumi.ResourceOptions(import_=existing, ignore_changes=["*"], retain_on_delete=True, protect=False)
    return pulumi.ResourceOptions.merge(options, adopting)


def name_of(existing: str) -> str:
    """Return the last part of an ARM id."""
    return existing.rsplit("/", 1)[-1]


def group_of(existing: str) -> str:
    """Return the resource group in an ARM id `/subscriptions/<id>/resourceGroups/<name>/...`."""
    return existing.split("/")[4]
