"""The graph's identities in the local directory, and what they may ask of the media service."""

from collections.abc import Mapping

from local.graph import Graph, Resource
from local.identity import Identity
from local.outputs import principal_of

_READ_WRITE = "Media.ReadWrite"


def register_identities(graph: Graph, identity: Identity) -> None:
    """Every user-assigned identity gets its tokens from now on."""
    for each in graph.of("managedidentity:UserAssignedIdentity"):
        identity.register(each.state["clientId"], each.state["principalId"])


def grant_media_role(graph: Graph, identity: Identity, audience: str) -> None:
    """The function's identities, and the person at the keyboard, may use the media service."""
    identity.grant(audience, identity.developer_id, [_READ_WRITE])
    for site in graph.of("web:WebApp"):
        for identity_id in site.inputs["identity"]["userAssignedIdentities"]:
            identity.grant(audience, principal_of(identity_id), [_READ_WRITE])


def client_ids(graph: Graph, resource: Resource) -> list[str]:
    """The client ids that a resource may act as."""
    assigned = resource.inputs["identity"].get("userAssignedIdentities", [])
    return [str(graph.by_id(identity_id).state["clientId"]) for identity_id in assigned]


def process_environment(
    settings: Mapping[str, str], graph: Graph, resource: Resource, identity: Identity, trust: Mapping[str, str]
) -> dict[str, str]:
    """A resource's declared settings, with what the platform adds: its tokens, and whom it trusts."""
    return {**settings, **identity.environment(*client_ids(graph, resource)), **trust}
