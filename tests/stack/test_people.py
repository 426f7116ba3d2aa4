"""Groups of people: their rights on videos and at the media service."""

import pytest

from local.graph.program import Graph
from stack.media.api_application import AppRole
from stack.roles import Role
from tests.stack.conftest import graph_with
from tests.stack.test_graph import account, closure, grants

EDITORS, LAWYERS = "22222222-3333-4444-5555-666666666666", "33333333-4444-5555-6666-777777777777"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_with("dev", uploaders=f"{EDITORS}", reviewers=f"{LAWYERS}")


def app_roles(graph: Graph, group: str) -> set[str]:
    roles = {r.inputs["roleId"]: str(r.inputs["value"]) for r in graph.of("azuread:ApplicationAppRole")}
    assigned = [r.inputs for r in graph.of("azuread:AppRoleAssignment") if r.inputs["principalObjectId"] == group]
    return {roles[each["appRoleId"]] for each in assigned}


def test_uploaders_may_upload_follow_their_jobs_and_fetch_results(graph: Graph) -> None:
    assert grants(graph, EDITORS) == {
        (Role.BLOB_CONTRIBUTOR, "raw"),
        (Role.BLOB_READER, account(graph, "media")),
    }
    assert app_roles(graph, EDITORS) == {AppRole.READ}


def test_reviewers_may_use_the_whole_service_and_read_uploads_and_results(graph: Graph) -> None:
    assert grants(graph, LAWYERS) == {
        (Role.BLOB_READER, "raw"),
        (Role.BLOB_READER, account(graph, "media")),
    }
    assert app_roles(graph, LAWYERS) == {AppRole.READ_WRITE}


def test_they_are_granted_as_groups(graph: Graph) -> None:
    kinds = {
        each.inputs["principalType"]
        for each in graph.of("authorization:RoleAssignment")
        if each.inputs["principalId"] in {EDITORS, LAWYERS}
    }
    assert kinds == {"Group"}


def test_a_group_that_is_both_has_each_role_once() -> None:
    graph = graph_with("dev", uploaders=EDITORS, reviewers=EDITORS)
    held = [
        (each.inputs["roleDefinitionId"], each.inputs["scope"])
        for each in graph.of("authorization:RoleAssignment")
        if each.inputs["principalId"] == EDITORS
    ]
    assert len(held) == 3
    assert len(set(held)) == len(held)
    assert app_roles(graph, EDITORS) == {AppRole.READ, AppRole.READ_WRITE}


def test_the_grant_on_results_has_one_name_whichever_list_names_the_group() -> None:
    """Azure refuses the same grant under a second name."""
    for uploaders, reviewers in ((EDITORS, ""), ("", EDITORS), (EDITORS, EDITORS)):
        graph = graph_with("dev", uploaders=uploaders, reviewers=reviewers)
        held = [each for each in graph.of("authorization:RoleAssignment") if each.inputs["principalId"] == EDITORS]
        results = [each.name for each in held if each.inputs["scope"].endswith(account(graph, "media"))]
        assert results == ["people-read-results-22222222"]


def test_a_person_can_ask_for_a_token_by_the_azure_cli(graph: Graph) -> None:
    scope = graph.one("azuread:ApplicationPermissionScope").inputs
    known = graph.one("azuread:ApplicationPreAuthorized").inputs
    assert known["authorizedClientId"] == "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
    assert known["permissionIds"] == [scope["scopeId"]]
    before = closure(graph, graph.one("azuread:ServicePrincipal"))
    assert "azuread:ApplicationPreAuthorized azure-cli" in before


def test_without_groups_nobody_has_anything(dev: Graph) -> None:
    assert {each.inputs["principalType"] for each in dev.of("authorization:RoleAssignment")} == {
        "ServicePrincipal",
        "User",  # the deployer
    }
