"""Links into the Azure portal."""

import pulumi


def portal_link(resource_id: pulumi.Output[str], page: str = "overview") -> pulumi.Output[str]:
    """Return the link to a resource's page in the portal."""
    return pulumi.Output.concat("https://portal.azure.com/#resource", resource_id, "/", page)
