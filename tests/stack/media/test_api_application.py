"""The media service's Entra application: declared by the graph, or given."""

from local.graph.program import Graph
from tests.stack.conftest import graph_of
from tests.stack.test_graph import closure, identity
from tests.stack.variants import GIVEN


def settings(graph: Graph) -> dict[str, str]:
    return {s["name"]: s["value"] for s in graph.one("web:WebApp").inputs["siteConfig"]["appSettings"]}


def accepted(graph: Graph) -> str:
    (container,) = graph.one("app:ContainerApp").inputs["template"]["containers"]
    return next(str(each["value"]) for each in container["env"] if each["name"] == "TOKEN_AUDIENCE")


def test_the_application_is_known_by_its_own_id_in_both_versions_of_tokens(dev: Graph) -> None:
    client_id = dev.one("azuread:ApplicationRegistration").state["clientId"]
    assert dev.one("azuread:ApplicationIdentifierUri").inputs["identifierUri"] == f"api://{client_id}"
    assert settings(dev)["MEDIA_AUDIENCE"] == f"api://{client_id}"
    assert accepted(dev) == f"api://{client_id},{client_id}"


def test_the_functions_identity_alone_may_submit_jobs(dev: Graph) -> None:
    assignment = dev.one("azuread:AppRoleAssignment").inputs
    roles = {r.inputs["roleId"]: r.inputs["value"] for r in dev.of("azuread:ApplicationAppRole")}
    assert set(roles.values()) == {"Media.ReadWrite", "Media.Read"}
    assert roles[assignment["appRoleId"]] == "Media.ReadWrite"
    assert assignment["principalObjectId"] == identity(dev, "function")
    assert dev.one("azuread:ServicePrincipal").inputs["appRoleAssignmentRequired"] is True


def test_the_function_starts_after_its_app_role_is_assigned(dev: Graph, dev_preview: Graph) -> None:
    for graph in (dev, dev_preview):
        before = closure(graph, graph.one("web:WebApp"))
        assert "azuread:AppRoleAssignment function-submits-jobs" in before


def test_a_given_application_is_used_as_it_is() -> None:
    graph = graph_of("dev", "given")
    assert not [r for r in graph.resources if r.kind.startswith("azuread:")]
    assert settings(graph)["MEDIA_AUDIENCE"] == GIVEN["apiAudience"]
    assert accepted(graph) == f"{GIVEN['apiAudience']},{GIVEN['apiAudience'].removeprefix('api://')}"
