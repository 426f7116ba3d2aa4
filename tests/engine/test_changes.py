"""The effect of changed settings or sources: the resources that change, and those that do not."""

import io
import zipfile

import pytest

from tests.engine.conftest import Place

UPDATE = "update"
API, WORKER = (UPDATE, "app:ContainerApp", "faces-api"), (UPDATE, "app:Job", "faces-worker")
FUNCTION = (UPDATE, "web:WebApp", "faces-function")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"blurType": "Black"}, {API, WORKER}),
        (
            {"sasHours": 48, "uploadEndings": [".mp4", ".mov"]},
            {FUNCTION, (UPDATE, "insights:ScheduledQueryRule", "faces-links-about-to-end")},
        ),
    ],
)
def test_settings_change_only_what_they_are_for(
    place: Place, settings: dict[str, object], expected: set[tuple[str, str, str]]
) -> None:
    for key, value in settings.items():
        place.set(key, value)
    assert place.stack().up().changes == expected


def test_changed_code_of_the_function_is_uploaded_and_deployed_and_nothing_else_happens(place: Place) -> None:
    host = place.folder / "function" / "function_app.py"
    host.write_text(host.read_text() + "\n# changed\n")
    changed = place.stack().up()
    assert changed.changes == {
        (UPDATE, "face-redaction:function:FunctionApp", "function"),  # whose archive it is
        (UPDATE, "pulumi-python:dynamic/release:UploadedPackage", "released-package.zip"),
        (UPDATE, "resources:Deployment", "redact-on-upload"),
        (UPDATE, "pulumi-python:dynamic/release:ListedFunction", "redact-on-upload-listed"),
    }
    (package,) = place.azure.code.values()
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.read("function_app.py").endswith(b"# changed\n")


def test_changed_code_of_the_media_service_is_built_and_run_and_nothing_else_happens(place: Place) -> None:
    (place.folder / "redactor" / "added.py").write_text("")
    assert place.stack().up().changes == {
        (UPDATE, "pulumi-python:dynamic/image:ImageBuild", "image-build"),
        API,
        WORKER,
    }


def test_a_targeted_up_changes_its_target_alone_and_the_next_one_the_rest(place: Place) -> None:
    place.set("blurType", "Black")
    stack = place.stack()
    (api,) = [urn for urn in stack.kept() if urn.endswith("::faces-api")]
    assert stack.up(target=[api]).changes == {API}
    assert stack.up().changes == {WORKER}


def test_a_group_that_moves_to_the_other_list_keeps_its_grant_on_results(place: Place) -> None:
    group = "22222222-3333-4444-5555-666666666666"
    people = place.folder / "stack" / "people.py"
    now = people.read_text()
    people.write_text(now.replace('"people-read-results"', '"reviewers-read-results"'))  # as in 1.0.0
    place.set("reviewers", group)
    place.stack().up()
    people.write_text(now)
    place.set("reviewers", "")
    place.set("uploaders", group)
    changed = {(op, name) for op, kind, name in place.stack().up().changes if kind == "authorization:RoleAssignment"}
    assert changed == {("create", "uploaders-write-uploads-22222222"), ("delete", "reviewers-read-uploads-22222222")}


def test_a_replaced_package_is_deployed_with_a_new_link_and_stays_where_it_is(place: Place) -> None:
    def link() -> str:
        (held,) = (each for each in place.azure.resources.values() if each.kind == "resources:Deployment")
        return str(held.inputs["properties"]["parameters"]["packageUri"]["value"])

    before, stack = link(), place.stack()
    (package,) = (urn for urn in stack.kept() if urn.endswith("UploadedPackage::released-package.zip"))
    changes = stack.up(replace=[package]).changes
    assert {name for _, _, name in changes} == {"released-package.zip", "redact-on-upload", "redact-on-upload-listed"}
    assert link() != before
    assert place.azure.storage.fetch(link()) is not None
