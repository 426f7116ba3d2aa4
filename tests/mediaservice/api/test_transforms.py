from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.media.models import (
    AudioAnalyzerPreset,
    FaceDetectorPreset,
    Preset,
    Transform,
    TransformOutput,
)

from tests.mediaservice.deployment import GROUP, Service


def put(media: Any, service: Service, name: str, preset: Preset, **more: str) -> Any:
    parameters = Transform(outputs=[TransformOutput(preset=preset, **more)], description="d")
    return media.transforms.create_or_update(GROUP, service.account, name, parameters)


def test_a_declared_transform_is_there_without_having_been_put(media: Any, service: Service) -> None:
    transform = media.transforms.get(GROUP, service.account, "faceredact")
    (output,) = transform.outputs
    assert (transform.description, output.on_error, output.relative_priority) == (
        "Transform for FaceRedaction Analyzer",
        "StopProcessingJob",
        "Normal",
    )
    assert (output.preset.mode, output.preset.blur_type) == ("Combined", "High")
    assert "faceredact" in [each.name for each in media.transforms.list(GROUP, service.account)]


@pytest.mark.parametrize("mode", ["Analyze", "Redact", "Combined"])
def test_a_transform_of_any_mode_is_kept(media: Any, service: Service, name: str, mode: str) -> None:
    put(media, service, name, FaceDetectorPreset(mode=mode, blur_type="Black", resolution="StandardDefinition"))
    preset = media.transforms.get(GROUP, service.account, name).outputs[0].preset
    assert (preset.mode, preset.blur_type, preset.resolution) == (mode, "Black", "StandardDefinition")


def test_what_is_not_said_has_the_services_defaults(media: Any, service: Service, name: str) -> None:
    output = put(media, service, name, FaceDetectorPreset()).outputs[0]
    assert (output.on_error, output.relative_priority) == ("StopProcessingJob", "Normal")
    assert (output.preset.mode, output.preset.blur_type, output.preset.resolution) == (
        "Analyze",
        "Med",
        "SourceResolution",
    )


def test_making_is_201_and_updating_200(rest: Callable[..., httpx.Response], name: str) -> None:
    body = {"properties": {"outputs": [{"preset": {"@odata.type": "#Microsoft.Media.FaceDetectorPreset"}}]}}
    made, updated = (rest("PUT", f"/transforms/{name}", json=body) for _ in range(2))
    assert (made.status_code, updated.status_code) == (201, 200)
    assert made.json()["id"].endswith(f"/providers/Microsoft.Media/mediaservices/{_account(made)}/transforms/{name}")
    assert made.json()["type"] == "Microsoft.Media/mediaservices/transforms"


def _account(answer: httpx.Response) -> str:
    return answer.url.path.split("/")[8]


def test_any_other_preset_is_refused_by_its_name(media: Any, service: Service, name: str) -> None:
    with pytest.raises(HttpResponseError, match=r"#Microsoft\.Media\.AudioAnalyzerPreset") as refused:
        put(media, service, name, AudioAnalyzerPreset())
    assert refused.value.status_code == 400
    assert "properties.outputs[0].preset" in refused.value.message


def test_a_value_that_does_not_exist_is_refused_with_its_path(rest: Callable[..., httpx.Response], name: str) -> None:
    preset = {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "blurType": "Mosaic"}
    answer = rest("PUT", f"/transforms/{name}", json={"properties": {"outputs": [{"preset": preset}]}})
    assert answer.status_code == 400
    assert "properties.outputs[0].preset.blurType" in answer.json()["error"]["message"]


def test_a_quality_that_does_not_exist_is_refused_with_its_path_and_other_options_are_kept(
    rest: Callable[..., httpx.Response], name: str
) -> None:
    def put_with(options: dict[str, str]) -> httpx.Response:
        preset = {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "experimentalOptions": options}
        return rest("PUT", f"/transforms/{name}", json={"properties": {"outputs": [{"preset": preset}]}})

    refused = put_with({"quality": "best"})
    assert refused.status_code == 400
    assert "properties.outputs[0].preset.experimentalOptions" in refused.json()["error"]["message"]
    assert "fast, balanced, accurate" in refused.json()["error"]["message"]
    kept = put_with({"quality": "accurate", "other": "thing"})
    assert kept.status_code == 201
    preset = kept.json()["properties"]["outputs"][0]["preset"]
    assert preset["experimentalOptions"] == {"quality": "accurate", "other": "thing"}


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ({"experimentalOptions": {"verify": "yes"}}, "verify 'yes' is not supported; it is one of true, false"),
        (
            {"mode": "Combined", "blurType": "Low", "experimentalOptions": {"verify": "true"}},
            "verify needs a blurType that hides faces, Med, High or Black; it is Low",
        ),
    ],
)
def test_a_verification_that_cannot_be_passed_is_refused(
    preset: dict[str, Any], message: str, rest: Callable[..., httpx.Response], name: str
) -> None:
    preset = {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", **preset}
    answer = rest("PUT", f"/transforms/{name}", json={"properties": {"outputs": [{"preset": preset}]}})
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_a_patch_changes_what_it_names(media: Any, service: Service, name: str) -> None:
    put(media, service, name, FaceDetectorPreset(mode="Combined"))
    patched = media.transforms.update(GROUP, service.account, name, Transform(description="new"))
    assert (patched.description, patched.outputs[0].preset.mode) == ("new", "Combined")


def test_a_deleted_transform_is_gone(media: Any, service: Service, name: str) -> None:
    put(media, service, name, FaceDetectorPreset())
    media.transforms.delete(GROUP, service.account, name)
    media.transforms.delete(GROUP, service.account, name)
    with pytest.raises(ResourceNotFoundError):
        media.transforms.get(GROUP, service.account, name)
