"""Links into the Azure portal."""

import pulumi


def portal_link(resource_id: pulumi.Output[str], page: str = "overview") -> pulumi.Output[str]:
    """One of the portal's pages of a resource."""
    return pulumi.Output.concat("https://portal.azure.com/#resource", resource_id, "/", page)
