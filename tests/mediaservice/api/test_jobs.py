from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.media.models import (
    Asset,
    FaceDetectorPreset,
    Job,
    JobInputHttp,
    JobOutputAsset,
    Transform,
    TransformOutput,
)

from tests.mediaservice.deployment import GROUP, Service

URL = "https://lake1.blob.core.windows.net/raw/party.mp4?sv=2026&sig=secret"


@pytest.fixture
def transform(media: Any, service: Service, name: str) -> str:
    """One of the test's own, so that it can list its jobs."""
    preset = FaceDetectorPreset(mode="Combined")
    media.transforms.create_or_update(GROUP, service.account, name, Transform(outputs=[TransformOutput(preset=preset)]))
    media.assets.create_or_update(GROUP, service.account, name, Asset())
    return name


@pytest.fixture
def create(media: Any, service: Service, transform: str) -> Callable[..., Any]:
    def create(job: str = "job", url: str = URL, **more: Any) -> Any:
        parameters = Job(input=JobInputHttp(files=[url]), outputs=[JobOutputAsset(asset_name=transform)], **more)
        return media.jobs.create(GROUP, service.account, transform, job, parameters)

    return create


def body(asset: str, **properties: Any) -> dict[str, Any]:
    job = {
        "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": [URL]},
        "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": asset}],
    }
    return {"properties": job | properties}


def test_a_job_is_queued_with_what_it_was_given(create: Callable[..., Any], transform: str) -> None:
    job = create("Job 1", correlation_data={"source": "s"}, description="d", priority="High")
    assert (job.state, job.priority, job.description) == ("Queued", "High", "d")
    assert job.correlation_data == {"source": "s"}
    output = job.outputs[0]
    assert (output.asset_name, output.state, output.progress) == (transform, "Queued", 0)
    assert output.label == "FaceDetectorPreset_0"
    assert (job.start_time, job.end_time, output.error) == (None, None, None)


def test_creating_answers_201_with_lower_case_ids(
    rest: Callable[..., httpx.Response], service: Service, transform: str
) -> None:
    answer = rest("PUT", f"/transforms/{transform}/jobs/one", json=body(transform))
    assert answer.status_code == 201
    job = answer.json()
    assert job["id"].endswith(f"Microsoft.Media/mediaservices/{service.account}/transforms/{transform}/jobs/one")
    assert (job["name"], job["type"]) == ("one", "Microsoft.Media/mediaservices/transforms/jobs")


def test_a_name_that_is_taken_is_a_conflict_whatever_the_case(
    create: Callable[..., Any], media: Any, service: Service, transform: str
) -> None:
    first = create("twice")
    for again in ("twice", "TWICE"):
        with pytest.raises(ResourceExistsError):
            create(again, description="another")
    assert media.jobs.get(GROUP, service.account, transform, "twice").created == first.created


def test_the_inputs_address_is_never_shown(
    create: Callable[..., Any], rest: Callable[..., httpx.Response], transform: str
) -> None:
    create()
    for path in (f"/transforms/{transform}/jobs/job", f"/transforms/{transform}/jobs"):
        assert "secret" not in rest("GET", path).text
    shown = rest("GET", f"/transforms/{transform}/jobs/job").json()["properties"]["input"]
    assert (shown["@odata.type"], shown["files"]) == ("#Microsoft.Media.JobInputHttp", [])


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": []}}, "exactly one file, not 0"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": [URL, URL]}}, "exactly one file, not 2"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["http://h/a.mp4"]}}, "https address"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["a.mp4"]}}, "https address"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://h:65536/a"]}}, "host or port"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://xn--a/"]}}, "host or port"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputAsset", "assetName": "a", "files": [""]}}, "files[0]"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputAsset", "assetName": "a", "files": ["."]}}, "files[0]"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputAsset", "assetName": "a", "files": [".."]}}, "files[0]"),
        (
            {
                "input": {
                    "@odata.type": "#Microsoft.Media.JobInputAsset",
                    "assetName": "a",
                    "files": ["../b/x.mp4"],
                }
            },
            "files[0] is '../b/x.mp4'",
        ),
        (
            {"input": {"@odata.type": "#Microsoft.Media.JobInputAsset", "assetName": "a", "files": ["c\\..\\..\\b"]}},
            "segment",
        ),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": URL}}, "properties.input.files"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputClip"}}, "#Microsoft.Media.JobInputHttp"),
        ({"input": {"@odata.type": "#Microsoft.Media.JobInputAsset", "assetName": "gone"}}, "Asset 'gone' is not"),
        ({"outputs": []}, "properties.outputs"),
        ({"outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": "gone"}]}, "Asset 'gone' is not"),
        ({"priority": "Urgent"}, "properties.priority"),
        ({"correlationData": {"a": 1}}, "properties.correlationData.a"),
    ],
)
def test_a_job_that_could_not_be_done_is_refused_with_the_reason(
    rest: Callable[..., httpx.Response], transform: str, properties: dict[str, Any], said: str
) -> None:
    answer = rest("PUT", f"/transforms/{transform}/jobs/bad", json=body(transform, **properties))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert said in answer.json()["error"]["message"]
    assert "secret" not in answer.text
    assert rest("GET", f"/transforms/{transform}/jobs/bad").status_code == 404


def test_as_many_outputs_as_the_transform_has_are_wanted(rest: Callable[..., httpx.Response], transform: str) -> None:
    output = {"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": transform}
    answer = rest("PUT", f"/transforms/{transform}/jobs/two", json=body(transform, outputs=[output, output]))
    assert "the Job has 2" in answer.json()["error"]["message"]


def test_a_file_may_be_given_below_a_base_address(rest: Callable[..., httpx.Response], transform: str) -> None:
    given = {
        "@odata.type": "#Microsoft.Media.JobInputHttp",
        "baseUri": "https://lake1.blob.core.windows.net/raw/",
        "files": ["party.mp4?sig=secret"],
    }
    answer = rest("PUT", f"/transforms/{transform}/jobs/based", json=body(transform, input=given))
    assert answer.status_code == 201
    assert answer.json()["properties"]["input"]["baseUri"] == "https://lake1.blob.core.windows.net/raw/"


def test_a_job_of_a_transform_that_is_missing_is_not_found(rest: Callable[..., httpx.Response], transform: str) -> None:
    assert rest("PUT", "/transforms/none/jobs/a", json=body(transform)).status_code == 404
    assert rest("GET", "/transforms/none/jobs").status_code == 404


def test_description_and_priority_can_be_changed(
    create: Callable[..., Any], media: Any, service: Service, transform: str
) -> None:
    create()
    change = Job(description="new", priority="Low")
    job = media.jobs.update(GROUP, service.account, transform, "job", change)
    assert (job.description, job.priority, job.state) == ("new", "Low", "Queued")


def test_canceling_answers_200_with_nothing_and_may_be_repeated(
    create: Callable[..., Any], rest: Callable[..., httpx.Response], transform: str
) -> None:
    create()
    for _ in range(2):
        answer = rest("POST", f"/transforms/{transform}/jobs/job/cancelJob")
        assert (answer.status_code, answer.content) == (200, b"")
    assert rest("GET", f"/transforms/{transform}/jobs/job").json()["properties"]["state"] == "Canceled"
    assert rest("POST", f"/transforms/{transform}/jobs/none/cancelJob").status_code == 404


def test_a_job_can_be_deleted_when_it_is_over(
    create: Callable[..., Any], media: Any, service: Service, transform: str
) -> None:
    create()
    with pytest.raises(HttpResponseError, match="BadRequest") as refused:
        media.jobs.delete(GROUP, service.account, transform, "job")
    assert refused.value.status_code == 400
    media.jobs.cancel_job(GROUP, service.account, transform, "job")
    media.jobs.delete(GROUP, service.account, transform, "job")
    media.jobs.delete(GROUP, service.account, transform, "job")
    with pytest.raises(ResourceNotFoundError):
        media.jobs.get(GROUP, service.account, transform, "job")
    assert list(media.jobs.list(GROUP, service.account, transform)) == []


def test_a_transform_with_unfinished_jobs_stays(
    create: Callable[..., Any], media: Any, service: Service, transform: str
) -> None:
    create()
    with pytest.raises(HttpResponseError, match="unfinished Jobs, such as 'job'"):
        media.transforms.delete(GROUP, service.account, transform)
    media.jobs.cancel_job(GROUP, service.account, transform, "job")
    media.transforms.delete(GROUP, service.account, transform)
    with pytest.raises(ResourceNotFoundError):
        media.jobs.get(GROUP, service.account, transform, "job")


def test_jobs_are_listed_newest_first_or_as_asked(
    create: Callable[..., Any], media: Any, service: Service, transform: str
) -> None:
    jobs = [create(job) for job in ("b", "c", "a")]
    media.jobs.cancel_job(GROUP, service.account, transform, "c")

    def names(**options: str) -> list[str]:
        return [job.name for job in media.jobs.list(GROUP, service.account, transform, **options)]

    middle = jobs[1].created.isoformat().replace("+00:00", "Z")
    assert names() == ["a", "c", "b"]
    assert names(orderby="properties/created") == ["b", "c", "a"]
    assert names(orderby="name") == ["a", "b", "c"]
    assert names(orderby="name desc") == ["c", "b", "a"]
    assert names(orderby="properties/lastModified desc") == ["c", "a", "b"]
    assert names(filter="name eq 'a' or properties/state eq 'Canceled'") == ["a", "c"]
    assert names(filter="name eq 'B'") == ["b"]
    assert names(filter="properties/state eq Microsoft.Media.JobState'Queued'") == ["a", "b"]
    assert names(filter="properties/state ne Microsoft.Media.JobState'Queued'") == ["c"]
    assert names(filter="properties/state eq 'Queued'", orderby="properties/created asc") == ["b", "a"]
    assert names(filter=f"properties/created lt {middle}") == ["b"]
    assert names(filter=f"properties/created le {middle}") == ["c", "b"]
    assert names(filter=f"properties/created gt {middle}") == ["a"]
    assert names(filter=f"properties/created ge {middle}", orderby="properties/created") == ["c", "a"]
    assert names(filter=f"properties/lastModified gt {jobs[2].created.isoformat()[:-6]}Z") == ["c"]
    assert names(filter=f"properties/state eq 'Queued' and properties/created gt {middle}") == ["a"]


def test_an_option_that_is_not_offered_is_a_bad_request(rest: Callable[..., httpx.Response], transform: str) -> None:
    refused = [{"$filter": "properties/priority eq 'High'"}, {"$orderby": "state"}, {"$skiptoken": "x"}, {"$top": "1"}]
    for options in (*refused, {"$select": "name"}):
        answer = rest("GET", f"/transforms/{transform}/jobs", params=options)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
        assert next(iter(options)) in answer.json()["error"]["message"]


def test_refusals_have_the_recorded_words(rest: Any, service: Service, name: str) -> None:
    """azure-cli, command_modules/ams/tests/latest/recordings/test_ams_job.yaml, and azure-docs#29409."""
    job = {
        "properties": {
            "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://example.com/a.mp4"]},
            "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name}],
        }
    }
    path = f"/transforms/faceredact/jobs/{name}"
    missing = rest("PUT", path, json=job).json()["error"]
    assert missing["message"] == f"Asset '{name}' is not found under account '{service.account}' when creating job."
    assert rest("GET", path).json()["error"]["message"].startswith("The requested resource was not found.")
    rest("PUT", f"/assets/{name}", json={})
    made = rest("PUT", path, json=job).json()
    kept = rest("DELETE", path)
    assert (kept.status_code, kept.json()["error"]["code"]) == (400, "BadRequest")
    assert kept.json()["error"]["message"] == (
        f"The job Delete operation for '{made['id']}' resource failed. The job is in the 'Queued' state. "
        "Cancel the job or retry after the processing completes."
    )
