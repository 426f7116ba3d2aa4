"""Settings are declared once, and a bad one stops the program before any resource."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from local.graph.program import ProgramError, Stack
from stack.settings import Engine, SelfHosted, SettingError, Settings, read_settings
from stack.transform import BlurType, Quality, Resolution
from tests.stack.conftest import PROGRAM, run
from tests.stacks import shipped_stack


class Config:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def get(self, key: str) -> str | None:
        return self._stack.setting(key) or None


def read(stack: str = "dev", location: str | None = "westeurope", **changes: str) -> Settings:
    return read_settings(Config(shipped_stack(stack, changes)), location)


def test_every_declared_setting_is_read_and_every_read_setting_is_declared() -> None:
    declared = yaml.safe_load((PROGRAM / "Pulumi.yaml").read_text())["config"]
    fields = {f.name for f in (*dataclasses.fields(Settings), *dataclasses.fields(SelfHosted))}
    read_elsewhere = {"location", "self_hosted"}
    camel = {"".join(w if i == 0 else w.title() for i, w in enumerate(f.split("_"))) for f in fields - read_elsewhere}
    assert set(declared) == camel
    for key, setting in declared.items():
        assert {"type", "default", "description"} <= setting.keys(), key


def test_the_defaults_are_valid() -> None:
    settings = read()
    assert settings.engine is Engine.SELF_HOSTED
    assert settings.upload_endings == (".mp4",)
    assert settings.blur_type is BlurType.HIGH
    assert settings.resolution is Resolution.SOURCE
    assert settings.quality is Quality.BALANCED
    assert settings.sas_hours == 24
    assert settings.self_hosted
    assert settings.self_hosted.worker_cpu == 2


def test_an_image_and_an_audience_may_be_given_or_left_to_the_graph() -> None:
    left = read().self_hosted
    assert left
    assert (left.image, left.api_audience) == (None, None)
    given = read(image="registry.example.com/faces:1", apiAudience="api://1234").self_hosted
    assert given
    assert (given.image, given.api_audience) == ("registry.example.com/faces:1", "api://1234")


def test_the_azure_engine_has_no_settings_of_its_own() -> None:
    assert read("ams").self_hosted is None


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("engine", "aws", "selfHosted, azure"),
        ("namePrefix", "Faces", "2 to 10 lower-case letters and digits"),
        ("namePrefix", "f", "2 to 10 lower-case letters and digits"),
        ("resourceGroup", "group.", "the name of a resource group"),
        ("uploadContainer", "Raw", "3 to 63 lower-case letters"),
        ("uploadContainer", "a--b", "3 to 63 lower-case letters"),
        ("uploadEndings", "mp4", "a list of one to ten different endings"),
        ("uploadEndings", "[]", "a list of one to ten different endings"),
        ("uploadEndings", '["mp4"]', "a list of one to ten different endings"),
        ("uploadEndings", '[".mp4", ".MP4"]', "a list of one to ten different endings"),
        ("blurType", "high", "Box, Low, Med, High, Black"),
        ("resolution", "HD", "SourceResolution, StandardDefinition"),
        ("quality", "best", "fast, balanced, accurate"),
        ("damaged", "repair", "refuse, salvage"),
        ("verify", "yes", "true or false"),
        ("sasHours", "0", "a whole number from 1 to 168"),
        ("sasHours", "169", "a whole number from 1 to 168"),
        ("sasHours", "1.5", "a whole number from 1 to 168"),
        ("reconcileMinutes", "7", "5, 10, 15, 20, 30 or 60"),
        ("reconcileExisting", "yes", "true or false"),
        ("eventAttempts", "31", "a whole number from 1 to 30"),
        ("eventMinutes", "1441", "a whole number from 1 to 1440"),
        ("functionMemory", "1024", "512, 2048 or 4096"),
        ("functionInstances", "39", "a whole number from 40 to 1000"),
        ("privateNetwork", "1", "true or false"),
        ("networkRange", "10.60.0.0/24", "a private IPv4 range of /16 to /22"),
        ("networkRange", "8.8.0.0/16", "a private IPv4 range of /16 to /22"),
        ("networkRange", "10.60.0.1/16", "a private IPv4 range of /16 to /22"),
        ("deployerGroup", "deployers", "the object id of an Entra group"),
        ("lakeAccount", "ourlake", "the ARM id of a storage account"),
        ("systemTopic", "/subscriptions/1", "the ARM id of a system topic"),
        ("workerProfile", "D5", "Consumption, or D or E with 4, 8, 16 or 32 cores"),
        ("alertEmail", "ops", "an e-mail address"),
        ("protectData", "yes", "true or false"),
        ("uploadDays", "-1", "a whole number from 0 to 3650"),
        ("resultDays", "4000", "a whole number from 0 to 3650"),
        ("recoverDays", "366", "a whole number from 0 to 365"),
        ("logDays", "7", "a whole number from 30 to 730"),
        ("image", "face-redaction", "a container image"),
        ("apiAudience", "face-redaction", "an Entra application's identifier"),
        ("apiReplicas", "0", "a whole number from 1 to 30"),
        ("workerCpu", "0.6", "0.5 to 4 in steps of 0.25"),
        ("workerCpu", "nan", "0.5 to 4 in steps of 0.25"),
        ("workerLimit", "0", "a whole number from 1 to 1000"),
        ("workerMinutes", "5", "a whole number from 10 to 1440"),
        ("jobAttempts", "11", "a whole number from 1 to 10"),
        ("authority", "http://login.example.com", "an https address without a path"),
        ("resourceManager", "https://management.example.com/", "an https address without a path"),
    ],
)
def test_a_bad_value_is_named_with_its_key_and_what_is_allowed(key: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingError) as refused:
        read(**{key: value})
    message = str(refused.value)
    assert message.startswith(f"face-redaction:{key} is {value!r}; allowed: {allowed}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("other", "value", "allowed"),
    [
        ("blurType", "Low", "false with blurType Box and Low, which hide nobody"),
        ("blurType", "Box", "false with blurType Box and Low, which hide nobody"),
        ("engine", "azure", "false with engine azure, which cannot verify"),
    ],
)
def test_a_verification_that_could_not_be_passed_or_done_is_refused(other: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingError) as refused:
        read(**{"verify": "true", other: value})
    assert str(refused.value) == f"face-redaction:verify is 'true'; allowed: {allowed}"
    assert read(verify="true").verify


def test_a_region_is_needed_unless_the_group_exists() -> None:
    with pytest.raises(Exception, match="azure-native:location is not set"):
        read(location=None)
    assert read(location=None, resourceGroup="mine").resource_group == "mine"


def test_several_endings_may_be_redacted() -> None:
    assert read(uploadEndings='[".mp4", ".mov"]').upload_endings == (".mp4", ".mov")


def test_a_bad_setting_stops_the_preview_before_any_resource() -> None:
    with pytest.raises(ProgramError) as stopped:
        run("dev", preview=True, sasHours="200")
    assert str(stopped.value) == "face-redaction:sasHours is '200'; allowed: a whole number from 1 to 168"


def test_each_ending_has_its_own_subscription() -> None:
    graph = run("dev", uploadEndings='[".mp4", ".MOV"]')
    subscriptions = graph.of("eventgrid:SystemTopicEventSubscription")
    assert {s.inputs["eventSubscriptionName"]: s.inputs["filter"]["subjectEndsWith"] for s in subscriptions} == {
        "redact-mp4": ".mp4",
        "redact-mov": ".MOV",
    }


def test_an_existing_resource_group_is_adopted_not_made() -> None:
    graph = run("dev", resourceGroup="mine")
    assert not graph.of("resources:ResourceGroup")
    assert {r.inputs["resourceGroupName"] for r in graph.of("storage:StorageAccount")} == {"mine"}


def test_a_long_stack_name_and_prefix_break_no_naming_rule(tmp_path: Path) -> None:
    graph = run("dev", namePrefix="abcdefghij")
    for account in graph.of("storage:StorageAccount"):
        assert len(account.state["name"]) <= 24
    assert len(graph.one("app:Job").state["name"]) <= 32
    assert len(graph.one("app:ContainerApp").state["name"]) <= 32
    assert len(graph.one("eventgrid:SystemTopic").state["name"]) <= 50
