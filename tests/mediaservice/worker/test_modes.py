"""The two-pass flow with the real engine: Analyze, then Redact by its annotations, edited or not."""

import io
import json
from typing import Any

import av
import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.media.models import (
    Asset,
    FaceDetectorPreset,
    Job,
    JobInputAsset,
    JobInputHttp,
    JobInputs,
    JobOutputAsset,
    Transform,
    TransformOutput,
)

from tests.mediaservice.deployment import GROUP, Pipeline


class Flow:
    """Jobs of any mode on assets of the test, processed by the real engine."""

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self._pipeline, self._name = pipeline, name
        self._media, self._account = pipeline.media, pipeline.service.account
        pipeline.deployment.environment.pop("ENGINE_COMMAND")

    def asset(self, which: str, files: dict[str, bytes] | None = None) -> str:
        asset = self._media.assets.create_or_update(GROUP, self._account, f"{self._name}-{which}", Asset())
        with self._pipeline.deployment.blobs as blobs:
            for file, content in (files or {}).items():
                blobs.get_blob_client(str(asset.container), file).upload_blob(content)
        return f"{self._name}-{which}"

    def upload(self, file: str, content: bytes) -> str:
        return self._pipeline.upload(content, file)

    def submit(self, mode: str, given: Any, into: str, **options: str) -> Any:
        preset = FaceDetectorPreset(mode=mode, blur_type="Black", experimental_options=options)
        transform = f"{self._name}-{mode}"
        self._media.transforms.create_or_update(
            GROUP, self._account, transform, Transform(outputs=[TransformOutput(preset=preset)])
        )
        job = Job(input=given, outputs=[JobOutputAsset(asset_name=into)])
        return self._media.jobs.create(GROUP, self._account, transform, into, job)

    def run(self, mode: str, given: Any, into: str, **options: str) -> Any:
        self.submit(mode, given, into, **options)
        self._pipeline.work()
        return self._media.jobs.get(GROUP, self._account, f"{self._name}-{mode}", into)

    def files(self, asset: str) -> dict[str, bytes]:
        return self._pipeline.files(str(self._media.assets.get(GROUP, self._account, asset).container))


@pytest.fixture
def flow(pipeline: Pipeline, name: str) -> Flow:
    return Flow(pipeline, name)


def brightness(video: bytes) -> float:
    """Return the brightness in the middle of the first frame, where the face is."""
    with av.open(io.BytesIO(video), "r") as container:
        frame = next(container.decode(video=0)).to_ndarray(format="gray")
    return float(frame[40:120, 90:190].mean())


def test_analyze_lists_and_shows_each_face_and_redact_hides_the_listed_ones(
    flow: Flow, name: str, video: bytes
) -> None:
    source = flow.asset("in", {"party.mp4": video})
    job = flow.run("Analyze", JobInputAsset(asset_name=source), flow.asset("analysis"))
    assert (job.state, job.outputs[0].error) == ("Finished", None)
    analysis = flow.files(job.outputs[0].asset_name)
    assert set(analysis) == {"party_annotations.json", "party_doubtful.json", "party_thumb000001.jpg"}
    annotations = json.loads(analysis["party_annotations.json"])
    assert (annotations["version"], annotations["width"], annotations["height"]) == (1, 320, 240)

    given = JobInputs(
        inputs=[JobInputHttp(files=[flow.upload("party.mp4", video)]), JobInputAsset(asset_name=f"{name}-analysis")]
    )
    job = flow.run("Redact", given, flow.asset("hidden-by-two-inputs"))
    assert (job.state, job.outputs[0].error) == ("Finished", None)
    by_two = flow.files(job.outputs[0].asset_name)

    whole = flow.asset("whole", {"party.mp4": video, **analysis})
    job = flow.run("Redact", JobInputAsset(asset_name=whole), flow.asset("all-hidden"))
    assert (job.state, job.outputs[0].error) == ("Finished", None)
    hidden = flow.files(job.outputs[0].asset_name)
    assert set(hidden) == {"party_redacted.mp4"}
    assert by_two == hidden
    assert brightness(hidden["party_redacted.mp4"]) < 0.7 * brightness(video)

    annotations["fragments"][0]["events"][0].append(
        {"index": 1, "id": 999, "x": 0, "y": 0, "width": 0.1, "height": 0.1}
    )
    analysis["party_annotations.json"] = json.dumps(annotations).encode()
    chosen = flow.asset("chosen", {"party.mp4": video, **analysis, "party_IDList.txt": b"999\r\n"})
    files = ["party.mp4", "party_annotations.json", "party_IDList.txt"]
    job = flow.run("Redact", JobInputAsset(asset_name=chosen, files=files), flow.asset("none-hidden"))
    assert (job.state, job.outputs[0].error, job.input.files) == ("Finished", None, files)
    shown = flow.files(job.outputs[0].asset_name)["party_redacted.mp4"]
    assert brightness(shown) == pytest.approx(brightness(video), rel=0.1)


def test_faces_that_annotations_lack_are_found_before_the_video_is_published(flow: Flow, video: bytes) -> None:
    source = flow.asset("in", {"party.mp4": video})
    job = flow.run("Analyze", JobInputAsset(asset_name=source), flow.asset("analysis"))
    analysis = flow.files(job.outputs[0].asset_name)
    whole = flow.asset("whole", {"party.mp4": video, **analysis})
    job = flow.run("Redact", JobInputAsset(asset_name=whole), flow.asset("hidden"), verify="true")
    assert (job.state, job.outputs[0].error) == ("Finished", None)

    annotations = json.loads(analysis["party_annotations.json"])
    for fragment in annotations["fragments"]:
        fragment["events"] = [[] for _ in fragment["events"]]
    analysis["party_annotations.json"] = json.dumps(annotations).encode()
    nobody = flow.asset("nobody", {"party.mp4": video, **analysis})
    job = flow.run("Redact", JobInputAsset(asset_name=nobody), flow.asset("bare"), verify="true")
    error = job.outputs[0].error
    assert (job.state, error.code) == ("Error", "ContentUnsupported")
    assert error.message.startswith("party.mp4: 1 face found bare in the redacted video, which was not published")
    assert flow.files(job.outputs[0].asset_name) == {}


def test_redact_without_annotations_says_what_is_missing(flow: Flow, video: bytes) -> None:
    source = flow.asset("in", {"party.mp4": video})
    job = flow.run("Redact", JobInputAsset(asset_name=source), flow.asset("out"))
    error = job.outputs[0].error
    assert (job.state, error.code) == ("Error", "DownloadNotAccessible")
    assert "party_annotations.json" in error.message


def test_a_malformed_list_of_ids_is_reported_with_its_problem(flow: Flow, video: bytes) -> None:
    files = {"party.mp4": video, "party_annotations.json": b"{}", "party_IDList.txt": b"1\ntwo\n"}
    job = flow.run("Redact", JobInputAsset(asset_name=flow.asset("in", files)), flow.asset("out"))
    error = job.outputs[0].error
    assert (error.code, error.message) == ("ConfigurationUnsupported", "the list of ids: line 2, 'two', is no id")
    assert flow.files(job.outputs[0].asset_name) == {}


@pytest.mark.parametrize(
    ("mode", "given", "analysis"),
    [
        ("Redact", JobInputHttp(files=["https://lake1/raw/a.mp4"]), "the mode Redact takes a JobInputAsset"),
        ("Combined", JobInputAsset(asset_name="-in", files=["a.mp4", "a_annotations.json"]), "are for the mode Redact"),
        ("Redact", JobInputAsset(asset_name="-in", files=["a.mp4", "b.mp4"]), "one video"),
    ],
)
def test_an_input_that_does_not_suit_the_mode_is_refused(flow: Flow, mode: str, given: Any, analysis: str) -> None:
    source, target = flow.asset("in"), flow.asset("out")
    if isinstance(given, JobInputAsset):
        given.asset_name = source
    with pytest.raises(HttpResponseError, match=analysis) as refused:
        flow.submit(mode, given, target)
    assert refused.value.status_code == httpx.codes.BAD_REQUEST
