"""Settings are declared once, and a bad one stops the program before any resource."""

import dataclasses
from pathlib import Path

import pulumi
import pytest
import yaml

from local.graph.program import Graph, ProgramError, Stack, read_stack, run_program
from stack.configuration import SettingError
from stack.settings import SETTINGS, Engine, SelfHosted, Settings, read_settings
from stack.transform import BlurType, Quality, Resolution
from tests.stack.conftest import PROGRAM, AzureAddresses, graph_of, run
from tests.stacks import shipped_stack, write_stacks

# Pulumi takes a list with a type from `config set --path` alone, and a number with one may not be left unset.
UNTYPED = {"uploadEndings", "uploaders", "reviewers", "resultDays"}
GROUPS = ["22222222-3333-4444-5555-666666666666", "33333333-4444-5555-6666-777777777777"]


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
    assert set(declared) == camel == SETTINGS
    for key, setting in declared.items():
        assert {"default", "description"} <= setting.keys(), key
        assert "type" in setting or key in UNTYPED, key


def test_the_defaults_are_valid() -> None:
    settings = read()
    assert settings.engine is Engine.SELF_HOSTED
    assert settings.upload_endings == (".mp4", ".mov", ".m4v")
    assert (settings.uploaders, settings.reviewers) == ((), ())
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
        ("uploadEndings", "mp4", "one to ten different endings"),
        ("uploadEndings", "[]", "one to ten different endings"),
        ("uploadEndings", ".mp4;.mov", "one to ten different endings"),
        ("uploadEndings", ".mp4,", "one to ten different endings"),
        ("uploadEndings", "[.mp4]", "one to ten different endings"),
        ("uploadEndings", "[1]", "one to ten different endings"),
        ("uploaders", "editors", "up to ten object ids of Entra groups"),
        ("reviewers", f"{GROUPS[0]},{GROUPS[0]}", "up to ten object ids of Entra groups"),
        ("monthlyBudget", "100", "0, unless alertEmail is set"),
        ("monthlyBudget", "-1", "a whole number from 0 to 1000000"),
        ("uploadEndings", '["mp4"]', "one to ten different endings"),
        ("uploadEndings", '[".mp4", ".MP4"]', "one to ten different endings"),
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


@pytest.mark.parametrize(
    "typed",
    ['[".mp4", ".MOV"]', ".mp4,.MOV", " .mp4 , .MOV ", '[".mp4",".MOV"]'],
    ids=["JSON", "commas", "spaces", "as --path leaves it"],
)
def test_a_list_is_read_however_people_try_it(typed: str) -> None:
    assert read(uploadEndings=typed).upload_endings == (".mp4", ".MOV")


@pytest.mark.parametrize("typed", [",".join(GROUPS), f'["{GROUPS[0]}", "{GROUPS[1]}"]'])
def test_groups_are_read_likewise(typed: str) -> None:
    assert read(uploaders=typed).uploaders == tuple(GROUPS)


def test_days_that_nobody_has_chosen_differ_from_those_that_mean_for_ever() -> None:
    assert read(resultDays="").result_days is None
    assert read(resultDays="0").result_days == 0
    assert read(resultDays="30").result_days == 30


def read_with(*keys: str, location: str = "westeurope") -> Settings:
    return read_settings(Config(shipped_stack("dev", {})), location, keys)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("workerLimt", "did you mean workerLimit?"),
        ("workerlimit", "did you mean workerLimit?"),
        ("uploadEnding", "did you mean uploadEndings?"),
        ("colour", "allowed: alertEmail, apiAudience, "),
    ],
)
def test_a_key_that_is_no_setting_is_refused_with_the_nearest_one(key: str, meant: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        read_with("workerLimit", key)
    message = str(refused.value)
    assert message.startswith(f"face-redaction:{key} is not a setting; {meant}")
    assert "\n" not in message


def test_the_program_itself_refuses_a_misspelt_key_of_a_stacks_file(tmp_path: Path) -> None:
    write_stacks(tmp_path)
    with (tmp_path / "Pulumi.dev.yaml").open("a") as stack:
        stack.write("  face-redaction:workerLimt: 20\n")
    with pytest.raises(ProgramError) as stopped:
        run_program(
            PROGRAM,
            read_stack(tmp_path, "dev", {}),
            tenant_id="t",
            deployer_id="d",
            addresses=AzureAddresses(),
            preview=True,
        )
    assert str(stopped.value) == "face-redaction:workerLimt is not a setting; did you mean workerLimit?"


@pytest.mark.parametrize("typed", ["westeurope", "West Europe", "WestEurope", "usgovvirginia"])
def test_a_region_is_known_by_either_of_its_names(typed: str) -> None:
    assert read_with(location=typed).location == typed.replace(" ", "").lower()


@pytest.mark.parametrize(
    ("typed", "meant"), [("westeurop", "did you mean westeurope? "), ("West Europa", "did you mean westeurope? ")]
)
def test_an_unknown_region_is_refused_with_the_nearest_one(typed: str, meant: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        read_with(location=typed)
    message = str(refused.value)
    assert message.startswith(f"azure-native:location is {typed!r}, which is no region of Azure; {meant}allowed: ")
    assert "\n" not in message


def test_a_bad_setting_stops_the_preview_before_any_resource() -> None:
    with pytest.raises(ProgramError) as stopped:
        run("dev", preview=True, sasHours="200")
    assert str(stopped.value) == "face-redaction:sasHours is '200'; allowed: a whole number from 1 to 168"


def test_the_function_is_given_the_endings(dev: Graph) -> None:
    graph = graph_of("dev", "tuned")
    for each, endings in ((dev, ".mp4,.mov,.m4v"), (graph, ".mp4,.MOV")):
        settings = {s["name"]: s["value"] for s in each.one("web:WebApp").inputs["siteConfig"]["appSettings"]}
        assert settings["UPLOAD_ENDINGS"] == endings


def test_an_existing_resource_group_is_adopted_not_made() -> None:
    graph = graph_of("dev", "given")
    assert not graph.of("resources:ResourceGroup")
    assert {r.inputs["resourceGroupName"] for r in graph.of("storage:StorageAccount")} == {"mine"}
