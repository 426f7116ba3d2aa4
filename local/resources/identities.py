"""The graph's identities in the local directory, with their app roles of the media service."""

from collections.abc import Mapping

from local.graph.outputs import principal_of
from local.graph.program import Graph, Resource
from local.services.entra import Entra
from local.services.people import PEOPLE

_READ_WRITE = "Media.ReadWrite"
_EVENT_SENDER = "d5a91429-5739-47e2-a06b-3470a27159e7"  # EventGrid Data Sender
# Settings for features that this machine lacks: telemetry is not sent, and the disk is not limited.
_MISSING = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "WORKER_DISK_BYTES"}


def register_identities(graph: Graph, entra: Entra) -> None:
    """Let every user-assigned identity get tokens."""
    for each in graph.of("managedidentity:UserAssignedIdentity"):
        entra.register(each.state["clientId"], each.state["principalId"])


def grant_media_roles(graph: Graph, entra: Entra, audience: str) -> None:
    """Grant the media service's app roles that the graph assigns, and access for the local people.

    If the graph declares no application, an administrator must assign the function's role by hand. Here that is
    assumed to be done.
    """
    entra.grant(audience, entra.developer_id, [_READ_WRITE])
    for person in PEOPLE:
        entra.grant(audience, person.principal_id, person.roles)
    values = {role.inputs["roleId"]: role.inputs["value"] for role in graph.of("azuread:ApplicationAppRole")}
    for assignment in graph.of("azuread:AppRoleAssignment"):
        entra.grant(audience, assignment.inputs["principalObjectId"], [values[assignment.inputs["appRoleId"]]])
    if not values:
        for site in graph.of("web:WebApp"):
            for identity_id in site.inputs["identity"]["userAssignedIdentities"]:
                entra.grant(audience, principal_of(identity_id), [_READ_WRITE])


def event_senders(graph: Graph, topic: Resource) -> frozenset[str]:
    """Return the principals that may publish to a custom topic."""
    return frozenset(
        str(each.inputs["principalId"])
        for each in graph.of("authorization:RoleAssignment")
        if each.inputs["roleDefinitionId"].rpartition("/")[2] == _EVENT_SENDER
        and f"{topic.id}/".lower().startswith(f"{each.inputs['scope']}/".lower())
    )


def client_ids(graph: Graph, resource: Resource) -> list[str]:
    """Return the client ids that a resource may act as."""
    assigned = resource.inputs["identity"].get("userAssignedIdentities", [])
    return [str(graph.by_id(identity_id).state["clientId"]) for identity_id in assigned]


def process_environment(
    settings: Mapping[str, str], graph: Graph, resource: Resource, entra: Entra, trust: Mapping[str, str]
) -> dict[str, str]:
    """Return a resource's declared settings, with those that the platform adds for tokens and trust."""
    here = {name: value for name, value in settings.items() if name not in _MISSING}
    return {**here, **entra.environment(*client_ids(graph, resource)), **trust}
