"""A stack's life: preview, creation, an update without changes, a second stack, destruction."""

import shutil

from pulumi.automation.events import OpType
from pulumi.runtime.rpc import UNKNOWN

from tests.engine.azure import Action
from tests.engine.conftest import Deployed, Place

OWN = {"released-package.zip", "redact-on-upload-listed", "image-build"}  # operations of the program itself


def own(changes: set[tuple[str, str, str]]) -> set[tuple[str, str]]:
    """Return kinds and names of Azure's resources and of the program's own uploads."""
    return {(kind, name) for _, kind, name in changes if not kind.startswith("face-redaction:")}


def test_a_preview_on_an_empty_state_announces_everything_and_complains_of_nothing(deployed: Deployed) -> None:
    assert {op for op, _, _ in deployed.preview.changes} == {"create"}
    assert own(deployed.preview.changes) == own(deployed.up.changes)
    assert not deployed.preview.said
    assert not deployed.up.said
    assert not deployed.printed


def test_a_preview_knows_what_is_declared_and_not_what_azure_will_answer(deployed: Deployed) -> None:
    site = deployed.preview.one("web:WebApp").inputs
    settings = {each["name"]: each["value"] for each in site["siteConfig"]["appSettings"]}
    assert settings["SAS_HOURS"] == "24"
    for name in ("AZURE_CLIENT_ID", "LAKE_BLOB_ENDPOINT", "MEDIA_ENDPOINT", "MEDIA_SUBSCRIPTION_ID"):
        assert settings[name] == UNKNOWN, name
    assert site["kind"] == "functionapp,linux"
    assert deployed.preview.one("eventgrid:SystemTopicEventSubscription").inputs["destination"]["resourceId"] == UNKNOWN
    assert UNKNOWN not in str(deployed.up.one("web:WebApp").inputs)


def test_up_makes_what_was_announced_and_says_where_it_is(place: Place, deployed: Deployed) -> None:
    made = {(held.kind, held.name) for held in place.azure.resources.values()}
    assert made == {each for each in own(deployed.preview.changes) if each[1] not in OWN}
    site, group = deployed.up.outputs["functionApp"], deployed.up.outputs["resourceGroup"]
    assert [f"{each.rsplit('/', 1)[-1]}.azurewebsites.net" for each in place.azure.code] == [site]
    assert all(f"/resourceGroups/{group}" in each for each in place.azure.resources if each.startswith("/"))


def test_nothing_changes_when_nothing_changed_not_even_by_a_refresh(place: Place) -> None:
    stack = place.stack()
    before = stack.kept()
    refreshed = stack.refresh()
    assert not refreshed.said
    assert stack.kept() == before
    again = stack.up()
    assert not again.changes
    assert not again.said
    assert not place.azure.journal


def test_another_stack_of_the_same_program_stands_beside_the_first(place: Place) -> None:
    first = set(place.azure.resources)
    shutil.copy(place.folder / "Pulumi.dev.yaml", place.folder / "Pulumi.prod.yaml")
    place.stack("prod").up()
    assert first < set(place.azure.resources)
    assert len(place.azure.resources) == 2 * len(first)
    assert {each.action for each in place.azure.journal} == {Action.CREATE}


def test_destroy_takes_everything_down_in_an_order_that_azure_permits(place: Place, deployed: Deployed) -> None:
    stack = place.stack()
    destroyed = stack.destroy()
    assert not place.azure.resources
    assert not stack.kept()
    assert own(destroyed.changes) == own(deployed.up.changes)
    ended = [each.name for each in destroyed.done if each.op == OpType.DELETE]
    assert ended.index("released-package.zip") < ended.index("deployer-uploads-code") < ended.index("releases")


def test_the_quickstarts_graph_is_made_with_the_one_warning_that_it_deserves(empty: Place) -> None:
    up = empty.stack("ams").up()
    ((severity, message),) = up.said
    assert severity == "warning"
    assert "public Azure retired Media Services" in message
    assert (
        up.one("media:Transform").inputs["outputs"][0]["preset"]["odataType"] == "#Microsoft.Media.FaceDetectorPreset"
    )
