"""`systemData`: who created an entity and who changed it last."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from azure.mgmt.media import AzureMediaServices, models

from local.graph.outputs import AZURE_CLI
from local.services.entra import Entra
from tests.mediaservice.deployment import AUDIENCE, GROUP, Service

OTHER = "77777777-7777-4777-8777-777777777777"
TRANSFORM = {
    "properties": {"outputs": [{"preset": {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "mode": "Analyze"}}]}
}
HTTP_INPUT = {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://example.com/a.mp4"]}

type Rest = Callable[..., httpx.Response]


@pytest.fixture
def job(name: str) -> dict[str, Any]:
    output = {"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name}
    return {"properties": {"input": HTTP_INPUT, "outputs": [output]}}


@pytest.fixture
def as_person(service: Service, entra: Entra) -> Iterator[Callable[..., dict[str, Any]]]:
    """Sends a request as another principal, which is a person, and returns `systemData`."""
    entra.grant(AUDIENCE, OTHER, ["Media.ReadWrite"])

    def call(method: str, path: str, **options: Any) -> dict[str, Any]:
        token = entra.token(AUDIENCE, OTHER, AZURE_CLI)[0]
        answer = service.http.request(
            method,
            service.path + path,
            params={"api-version": "2022-07-01"},
            headers={"authorization": f"Bearer {token}"},
            **options,
        )
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()["systemData"] if answer.content else {}
        return found

    yield call


def test_an_entity_names_its_creator_and_the_client_that_changed_it(
    rest: Rest, as_person: Callable[..., dict[str, Any]], job: dict[str, Any], name: str
) -> None:
    paths = {
        f"/assets/{name}": ({}, {"properties": {"description": "changed"}}),
        f"/transforms/{name}": (TRANSFORM, {"properties": {"description": "changed"}}),
        f"/transforms/faceredact/jobs/{name}": (job, {"properties": {"description": "changed"}}),
    }
    for path, (body, patch) in paths.items():
        made = rest("PUT", path, json=body)
        assert made.status_code == 201, made.text
        first = made.json()["systemData"]
        assert first["createdBy"] == first["lastModifiedBy"]
        assert first["createdByType"] == first["lastModifiedByType"] == "Application"
        assert rest("GET", path).json()["systemData"] == first
        second = as_person("PATCH", path, json=patch)
        assert (second["createdBy"], second["createdAt"]) == (first["createdBy"], first["createdAt"])
        assert (second["lastModifiedBy"], second["lastModifiedByType"]) == (OTHER, "User")
        assert second["lastModifiedAt"] > first["lastModifiedAt"]
        parent = path.rpartition("/")[0]
        (listed,) = [each for each in rest("GET", parent).json()["value"] if each["name"] == name]
        assert listed["systemData"] == second


def test_a_cancellation_names_the_client_that_asked_for_it(
    rest: Rest, as_person: Callable[..., dict[str, Any]], job: dict[str, Any], name: str
) -> None:
    rest("PUT", f"/assets/{name}", json={})
    rest("PUT", f"/transforms/faceredact/jobs/{name}", json=job)
    as_person("POST", f"/transforms/faceredact/jobs/{name}/cancelJob")
    canceled = rest("GET", f"/transforms/faceredact/jobs/{name}").json()
    assert canceled["properties"]["state"] == "Canceled"
    assert canceled["systemData"]["lastModifiedBy"] == OTHER
    as_person("POST", f"/transforms/faceredact/jobs/{name}/cancelJob")
    assert rest("GET", f"/transforms/faceredact/jobs/{name}").json()["systemData"] == canceled["systemData"]


def test_the_sdk_reads_the_author(media: AzureMediaServices, service: Service, entra: Entra, name: str) -> None:
    media.assets.create_or_update(GROUP, service.account, name, models.Asset())
    found = media.assets.get(GROUP, service.account, name).system_data
    assert found is not None
    assert (found.created_by, found.created_by_type) == (entra.developer_id, "User")
    assert found.created_at is not None
