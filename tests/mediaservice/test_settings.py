import os
import subprocess
import sys
from pathlib import Path

import pytest

from mediaservice.environment import SettingsError
from mediaservice.model.transforms import BlurType, Mode
from mediaservice.settings import read_api, read_worker

GUID = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
def environment() -> dict[str, str]:
    return {
        "AZURE_CLIENT_ID": GUID,
        "MEDIA_SUBSCRIPTION_ID": GUID,
        "MEDIA_RESOURCE_GROUP": "faces",
        "MEDIA_ACCOUNT": "faces1",
        "MEDIA_LOCATION": "westeurope",
        "MEDIA_STORAGE_ID": f"/subscriptions/{GUID}/resourceGroups/faces/providers/Microsoft.Storage"
        "/storageAccounts/media1",
        "STORAGE_BLOB_ENDPOINT": "https://media1.blob.core.windows.net/",
        "STORAGE_QUEUE_ENDPOINT": "https://media1.queue.core.windows.net/",
        "STORAGE_TABLE_ENDPOINT": "https://127.0.0.1:10002/media1/",
        "TOKEN_TENANT_ID": GUID,
        "TOKEN_AUDIENCE": "api://one, https://two",
    }


def test_what_is_not_set_has_the_default_of_the_deployment(environment: dict[str, str]) -> None:
    api, worker = read_api(environment), read_worker(environment)
    assert (api.port, api.tokens.authority) == (8000, "https://login.microsoftonline.com")
    assert api.tokens.audiences == ("api://one", "https://two")
    assert (worker.work.lease_seconds, worker.work.max_attempts, worker.work.timeout_seconds) == (60, 3, 0)
    assert worker.work.engine_command == (sys.executable, "-m", "redactor")
    assert (api.storage.jobs_queue, api.storage.poison_queue) == ("redaction-jobs", "redaction-jobs-poison")
    assert api.account.storage_name == "media1"


def test_declared_transforms_are_read_whole(environment: dict[str, str]) -> None:
    environment["MEDIA_TRANSFORMS"] = (
        '{"faceredact": {"outputs": [{"preset": {"@odata.type": "#Microsoft.Media.FaceDetectorPreset",'
        ' "mode": "Combined", "blurType": "High"}}]}}'
    )
    preset = read_api(environment).transforms["faceredact"].outputs[0].preset
    assert (preset.mode, preset.blur_type) == (Mode.COMBINED, BlurType.HIGH)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("HOST", "everywhere", "an IPv4 address of this machine"),
        ("PORT", "99999", "a whole number from 1 to 65535"),
        ("AZURE_CLIENT_ID", "me", "a GUID"),
        ("MEDIA_ACCOUNT", "Faces", "3 to 24 lower-case letters and digits"),
        ("MEDIA_STORAGE_ID", "media1", "the ARM id of a storage account"),
        ("STORAGE_BLOB_ENDPOINT", "http://127.0.0.1/media1", "an https address"),
        ("TOKEN_AUTHORITY", "http://login", "an https address"),
        ("JOBS_QUEUE", "Jobs", "a queue's name"),
        ("JOBS_TABLE", "my-jobs", "a table's name"),
        ("MEDIA_TRANSFORMS", "[", "JSON"),
        ("MEDIA_TRANSFORMS", '{"t": {"outputs": [{"preset": {"@odata.type": "#X"}}]}}', "outputs[0].preset"),
    ],
)
def test_a_bad_value_is_one_line_with_name_value_and_what_is_allowed(
    environment: dict[str, str], name: str, value: str, allowed: str
) -> None:
    environment[name] = value
    with pytest.raises(SettingsError) as refused:
        read_api(environment)
    (problem,) = refused.value.problems
    assert problem.startswith(f"{name} is {value!r}; it must be ")
    assert allowed in problem


@pytest.mark.parametrize("value", ["2", "soon", "3601"])
def test_a_lease_that_could_not_be_renewed_in_time_is_refused(environment: dict[str, str], value: str) -> None:
    environment["JOB_LEASE_SECONDS"] = value
    with pytest.raises(SettingsError, match="a whole number from 3 to 3600"):
        read_worker(environment)


def test_the_worker_needs_nothing_of_tokens(environment: dict[str, str]) -> None:
    del environment["TOKEN_TENANT_ID"], environment["TOKEN_AUDIENCE"]
    read_worker(environment)
    with pytest.raises(SettingsError, match="TOKEN_AUDIENCE is not set"):
        read_api(environment)


def test_a_process_that_is_badly_configured_says_every_problem_and_exits_with_2(environment: dict[str, str]) -> None:
    del environment["MEDIA_LOCATION"]
    run = subprocess.run(
        [sys.executable, "-m", "mediaservice", "api"],
        env={"PATH": os.defpath, **environment, "PORT": "x"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.splitlines() == [
        "PORT is 'x'; it must be a whole number from 1 to 65535",
        "MEDIA_LOCATION is not set; it must be an Azure region, such as westeurope",
    ]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("INPUT_HOSTS", "https://lake1.blob.core.windows.net/", "host names without scheme and port"),
        ("INPUT_MAX_BYTES", "0", "a whole number from 1 to"),
        ("JOB_LEASE_SECONDS", "1", "a whole number from 3 to 3600"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", "https://i", "an Application Insights connection string"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=1", "InstrumentationKey=GUID"),
    ],
)
def test_a_workers_bad_value_is_reported_too(environment: dict[str, str], name: str, value: str, allowed: str) -> None:
    environment[name] = value
    with pytest.raises(SettingsError) as refused:
        read_worker(environment)
    (problem,) = refused.value.problems
    assert problem.startswith(f"{name} is {value!r}; it must be ")
    assert allowed in problem


def test_telemetry_goes_where_azure_says_or_nowhere(environment: dict[str, str]) -> None:
    assert read_worker(environment).telemetry is None
    given = (
        "InstrumentationKey=11111111-2222-3333-4444-555555555555;"
        "IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;"
        "LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/;"
        "ApplicationId=66666666-2222-3333-4444-555555555555"
    )
    environment["APPLICATIONINSIGHTS_CONNECTION_STRING"] = given
    assert read_worker(environment).telemetry == given


def test_inputs_come_from_public_hosts_and_the_accounts_own_storage_unless_hosts_are_named(
    environment: dict[str, str],
) -> None:
    inputs = read_worker(environment).work.inputs
    assert (inputs.own, inputs.hosts) == (("media1.blob.core.windows.net", 443), ())
    environment["INPUT_HOSTS"] = "127.0.0.1, .Blob.core.windows.net"
    assert read_worker(environment).work.inputs.hosts == ("127.0.0.1", "blob.core.windows.net")
