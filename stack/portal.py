"""Links into the Azure portal."""

import pulumi


def portal_link(resource_id: pulumi.Output[str]) -> pulumi.Output[str]:
    """The portal's page of a resource."""
    return pulumi.Output.concat("https://portal.azure.com/#resource", resource_id, "/overview")
