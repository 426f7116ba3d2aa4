"""Lists of inputs: the processed videos, the files used beside them, and the results."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.mgmt.media.models import Asset, Job, JobInputAsset, JobInputHttp, JobInputs, JobOutputAsset

from mediaservice.model.errors import JobFailedError
from mediaservice.model.jobs import AssetInput, HttpInput, Input, JobOutput, JobState
from mediaservice.model.jobs import Job as StoredJob
from mediaservice.model.sources import File, complete, problem, sources, unnamed
from mediaservice.model.transforms import Mode, TransformOutput
from tests.mediaservice.deployment import FACEREDACT, GROUP, Pipeline
from tests.mediaservice.stored import LONG_AGO

HTTP, ASSET = "#Microsoft.Media.JobInputHttp", "#Microsoft.Media.JobInputAsset"
VIDEO = {"@odata.type": HTTP, "files": ["https://lake1/raw/a.mp4"]}


def submit(pipeline: Pipeline, name: str, given: list[Any]) -> str:
    media, account = pipeline.media, pipeline.service.account
    asset = media.assets.create_or_update(GROUP, account, name, Asset())
    job = Job(input=JobInputs(inputs=given), outputs=[JobOutputAsset(asset_name=name)])
    media.jobs.create(GROUP, account, "faceredact", name, job)
    return str(asset.container)


def test_each_video_of_a_list_is_redacted_into_the_output_asset(pipeline: Pipeline, name: str) -> None:
    source = pipeline.media.assets.create_or_update(GROUP, pipeline.service.account, f"{name}-in", Asset())
    with pipeline.deployment.blobs as blobs:
        blobs.get_blob_client(str(source.container), "film.mp4").upload_blob(b'{"from": "asset"}')
    given = [
        JobInputHttp(files=[pipeline.upload({"n": 1}, "one.mov")], label="first"),
        JobInputAsset(asset_name=f"{name}-in"),
        JobInputHttp(files=[pipeline.upload({"n": 2}, "two.mp4")]),
    ]
    container = submit(pipeline, name, given)
    pipeline.work()
    job = pipeline.job(name)
    assert (job.state, job.outputs[0].progress) == ("Finished", 100)
    assert job.input.odata_type == "#Microsoft.Media.JobInputs"
    assert [each.label for each in job.input.inputs] == ["first", None, None]
    assert [each.files for each in job.input.inputs] == [[], [], []]  # as they were given
    assert pipeline.files(container) == {
        "one_redacted.mp4": b'REDACTED {"n": 1}',
        "film_redacted.mp4": b'REDACTED {"from": "asset"}',
        "two_redacted.mp4": b'REDACTED {"n": 2}',
    }


def test_a_file_of_an_asset_that_the_disk_does_not_hold_is_refused_before_it_is_downloaded(
    pipeline: Pipeline, name: str
) -> None:
    source = pipeline.media.assets.create_or_update(GROUP, pipeline.service.account, f"{name}-in", Asset())
    with pipeline.deployment.blobs as blobs:
        blobs.get_blob_client(str(source.container), "film.mp4").upload_blob(b"x" * 200_000)
    submit(pipeline, name, [JobInputAsset(asset_name=f"{name}-in")])
    pipeline.work(WORKER_DISK_BYTES="100000")
    error = pipeline.job(name).outputs[0].error
    assert error.code == "ContentUnsupported"
    assert error.message.startswith("The input has 200,000 bytes; the worker's disk holds 95,000 bytes: ")


def test_a_list_of_which_one_video_fails_publishes_none_and_says_which(pipeline: Pipeline, name: str) -> None:
    bad = {"fail": {"code": "ContentMalformed", "message": "no video in it"}}
    given = [
        JobInputHttp(files=[pipeline.upload({}, "one.mp4")]),
        JobInputHttp(files=[pipeline.upload(bad, "two.mp4")]),
    ]
    container = submit(pipeline, name, given)
    pipeline.work()
    job = pipeline.job(name)
    error = job.outputs[0].error
    assert (job.state, error.code, error.message) == ("Error", "ContentMalformed", "two.mp4: no video in it")
    assert pipeline.files(container) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "properties.input.inputs: "),
        ([VIDEO] * 51, "properties.input.inputs: "),
        (
            [{"@odata.type": "#Microsoft.Media.JobInputs", "inputs": [VIDEO]}],
            "properties.input.inputs[0]: the input must",
        ),
        ([VIDEO, {"@odata.type": "#Microsoft.Media.JobInputSequence"}], "properties.input.inputs[1]: the input must"),
        ([VIDEO, {"@odata.type": ASSET, "assetName": "gone"}], "Asset 'gone' is not"),
        ([VIDEO, {"@odata.type": HTTP, "files": ["http://h/b.mp4"]}], "properties.input.inputs[1].files[0]: "),
        ([VIDEO, {"@odata.type": HTTP, "files": ["https://h/b/A.mov"]}], "are called 'A'"),
        ([VIDEO | {"start": {"@odata.type": "#Microsoft.Media.AbsoluteClipTime", "time": "PT5S"}}], "inputs[0].start"),
        ([VIDEO | {"files": ["https://lake1/" + "x" * 4000]}], "properties.input.inputs[0].files[0]: "),
    ],
)
def test_a_list_that_could_not_be_done_is_refused_with_the_place_named(
    rest: Callable[..., httpx.Response], name: str, given: list[Any], said: str
) -> None:
    rest("PUT", f"/assets/{name}", json={"properties": {}})
    job = {
        "input": {"@odata.type": "#Microsoft.Media.JobInputs", "inputs": given},
        "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name}],
    }
    answer = rest("PUT", f"/transforms/faceredact/jobs/{name}", json={"properties": job})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert said in answer.json()["error"]["message"]


def job(*inputs: Input, mode: Mode = Mode.REDACT) -> StoredJob:
    task = TransformOutput.model_validate(FACEREDACT["outputs"][0])
    task = task.model_copy(update={"preset": task.preset.model_copy(update={"mode": mode})})
    return StoredJob(
        "t",
        "j",
        "instance",
        LONG_AGO,
        LONG_AGO,
        inputs,
        (JobOutput("out", "label", task),),
        JobState.QUEUED,
        listed=True,
    )


def http(name: str) -> HttpInput:
    return HttpInput(f"https://lake1/raw/{name}?sig=secret")


def chosen_files(given: StoredJob) -> list[tuple[str, str | None, str | None]]:
    def path(file: File | None) -> str | None:
        return file.path if file else None

    return [(each.video.path, path(each.annotations), path(each.ids)) for each in sources(given)]


def test_the_only_video_takes_the_only_annotations_whatever_they_are_called() -> None:
    assert chosen_files(job(http("party.mp4"), http("mine_annotations.json"), http("any_IDList.txt"))) == [
        ("party.mp4", "mine_annotations.json", "any_IDList.txt")
    ]


def test_each_of_several_videos_takes_the_files_that_are_called_after_it() -> None:
    given = job(http("b_annotations.json"), http("a.mp4"), AssetInput("x", ("B.mp4", "A_annotations.json")))
    assert problem(given) is None
    assert chosen_files(given) == [("a.mp4", "A_annotations.json", None), ("B.mp4", "b_annotations.json", None)]


def test_files_that_the_client_did_not_name_are_looked_for_in_their_asset() -> None:
    given = job(AssetInput("videos", ("a.mp4",)), AssetInput("faces"))
    assert (problem(given), unnamed(given)) == (None, ("faces",))
    found = {"faces": ["a_annotations.json", "a_thumb000001.jpg"]}
    completed = complete(given, found)
    assert completed == (AssetInput("videos", ("a.mp4",)), AssetInput("faces", ("a_annotations.json",), given=()))
    assert chosen_files(job(*completed)) == [("a.mp4", "a_annotations.json", None)]

    alone = job(AssetInput("videos", ("a.mp4",)))
    assert (problem(alone), unnamed(alone)) == (None, ("videos",))
    beside = {"videos": ["a.mp4", "b.mp4", "a_annotations.json", "b_annotations.json", "a_IDList.txt"]}
    (both,) = complete(alone, beside)
    assert both == AssetInput("videos", ("a.mp4", "a_annotations.json", "a_IDList.txt"), given=("a.mp4",))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (job(http("a_annotations.json")), "no video"),
        (job(http("a.mp4"), http("b.mp4"), http("a_annotations.json")), "no 'b_annotations.json'"),
        (job(http("a.mp4"), AssetInput("x", ("a.mp4", "a_annotations.json"))), "called 'a'"),
        (job(AssetInput("x", ("a.mp4", "a_annotations.json")), mode=Mode.COMBINED), "for the mode Redact"),
        (job(AssetInput("x", ("a.mp4", "b.mp4"))), "one video of an asset"),
    ],
)
def test_names_that_show_a_mistake_are_refused_at_once(given: StoredJob, said: str) -> None:
    assert said in (problem(given) or "")


def test_an_asset_of_several_files_does_not_say_which_is_meant() -> None:
    for mode in (Mode.COMBINED, Mode.REDACT):
        with pytest.raises(JobFailedError, match="holds several"):
            complete(job(AssetInput("x"), mode=mode), {"x": ["a.mp4", "b.mp4", "a_annotations.json"]})
