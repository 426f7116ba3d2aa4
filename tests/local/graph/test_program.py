from pathlib import Path

import pytest

from local.graph.outputs import UnknownResourceError
from local.graph.program import Graph, ProgramError, Stack, read_stack, run_program

PROJECT = """
name: film
runtime: python
config:
  ending: {type: string, default: .mp4}
  attempts: {type: integer, default: 3}
  image: {type: string}
"""
IDENTITY = """
import pulumi
from pulumi_azure_native import managedidentity, resources

group = resources.ResourceGroup("group")
identity = managedidentity.UserAssignedIdentity("function", resource_group_name=group.name)
pulumi.export("client", identity.client_id)
pulumi.export("ending", pulumi.Config().require("ending"))
"""


class NoAddresses:
    def storage(self, account: str) -> dict[str, str]:
        raise NotImplementedError

    def container_app(self, name: str) -> str:
        raise NotImplementedError

    def topic(self, name: str) -> str:
        raise NotImplementedError

    def web_app(self, name: str) -> str:
        raise NotImplementedError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {film:attempts: 5, azure-native:location: westeurope}")
    (tmp_path / "Pulumi.prod.yaml").write_text("")
    return tmp_path


def run(folder: Path, program: str) -> Graph:
    (folder / "__main__.py").write_text(program)
    stack = read_stack(folder, "dev", {"ending": ".mov"})
    return run_program(folder, stack, tenant_id="tenant", deployer_id="me", addresses=NoAddresses())


def test_a_stacks_values_stand_above_the_defaults_and_changes_above_both(folder: Path) -> None:
    stack = read_stack(folder, "dev", {"ending": ".mov", "azure-native:location": "northeurope"})
    assert stack == Stack(
        "film", "dev", {"film:ending": ".mov", "film:attempts": "5", "azure-native:location": "northeurope"}
    )
    assert (stack.setting("attempts"), stack.setting("image")) == ("5", "")
    assert read_stack(folder, "prod", {}).config == {"film:ending": ".mp4", "film:attempts": "3"}


def test_a_missing_stack_is_reported_with_the_existing_ones(folder: Path) -> None:
    with pytest.raises(ProgramError, match=r"^there is no stack 'test'; allowed: dev, prod$"):
        read_stack(folder, "test", {})


SECRET = """
encryptionsalt: v1:c2FsdA==:v1:bm90IHJlYWQ=
config: {film:ending: {secure: v1:bm90:cmVhZA==}, other:key: {secure: v1:bm90:cmVhZA==}}
"""


def test_a_secret_of_the_project_is_asked_for_and_others_are_left_out(folder: Path) -> None:
    (folder / "Pulumi.prod.yaml").write_text(SECRET)
    with pytest.raises(ProgramError, match=r"^film:ending is a secret in Pulumi.prod.yaml.* --config ending=value$"):
        read_stack(folder, "prod", {})
    assert read_stack(folder, "prod", {"ending": ".mov"}).config == {"film:ending": ".mov", "film:attempts": "3"}


@pytest.mark.parametrize("key", ["endings", "film:endings"])
def test_a_setting_that_is_not_declared_cannot_be_changed(folder: Path, key: str) -> None:
    with pytest.raises(ProgramError, match=r"^there is no setting 'endings'; allowed: attempts, ending, image$"):
        read_stack(folder, "dev", {key: ".mov"})


def test_the_graph_holds_what_was_declared_and_what_azure_would_answer(folder: Path) -> None:
    graph = run(folder, IDENTITY)
    identity = graph.one("managedidentity:UserAssignedIdentity")
    group = graph.one("resources:ResourceGroup")
    assert [resource.name for resource in graph.resources] == ["group", "function"]
    assert identity.inputs["resourceGroupName"] == group.state["name"]
    assert graph.by_id(identity.id.upper()) is identity
    assert graph.exports == {"client": identity.state["clientId"], "ending": ".mov"}


def test_ids_are_the_same_in_every_run(folder: Path) -> None:
    first, second = run(folder, IDENTITY), run(folder, IDENTITY)
    assert [each.id for each in first.resources] == [each.id for each in second.resources]
    assert first.exports == second.exports


def test_a_program_that_stops_itself_says_why(folder: Path) -> None:
    with pytest.raises(ProgramError, match=r"^no film today$"):
        run(folder, "import pulumi\nraise pulumi.RunError('no film today')")


def test_a_resource_that_is_not_known_here_is_named(folder: Path) -> None:
    program = """
from pulumi_azure_native import managedidentity

managedidentity.FederatedIdentityCredential(
    "trust", resource_group_name="group", resource_name_="function", audiences=["a"], issuer="i", subject="s"
)
"""
    with pytest.raises(UnknownResourceError, match=r"FederatedIdentityCredential .*local/graph/outputs\.py$"):
        run(folder, program)


def test_one_and_by_id_say_what_is_missing() -> None:
    with pytest.raises(ProgramError, match=r"declares 0 resources of kind web:WebApp; the local cloud needs one$"):
        Graph([]).one("web:WebApp")
    with pytest.raises(ProgramError, match=r"^the program names /x, which it does not declare$"):
        Graph([]).by_id("/x")
