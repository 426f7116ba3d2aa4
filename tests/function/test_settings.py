from dataclasses import fields

import pytest

from trigger import settings
from trigger.settings import SettingsError


def test_reads_every_setting(environment: dict[str, str]) -> None:
    read = settings.read(environment | {"SAS_HOURS": "168"})
    assert read.sas_hours == 168
    assert read.upload_endings == (".mp4", ".mov")
    assert read.lake_blob_endpoint.account == "lake1"
    assert read.media_endpoint == "https://management.azure.com"
    assert {f.name for f in fields(read)} - {"client_id"} == {n.lower() for n in environment} - {"azure_client_id"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("AZURE_CLIENT_ID", ["", "faces", "11111111-1111-4111-8111-11111111111"]),
        (
            "LAKE_BLOB_ENDPOINT",
            [
                "",
                "lake1",
                "http://lake1.blob.core.windows.net/",
                "https:///",
                "https://lake1.blob.core.windows.net/?sig=x",
                "https://lake1.blob.core.windows.net/#x",
                "https://user@lake1.blob.core.windows.net/",
                "https://127.0.0.1:x/lake1/",
                "https://127.0.0.1:10000/lake1/raw",
                "https://lake1.blob.core.windows.net/\n",
            ],
        ),
        ("LAKE_DFS_ENDPOINT", ["", "abfss://raw@lake1.dfs.core.windows.net/"]),
        ("UPLOAD_CONTAINER", ["", "ra", "Raw", "raw/", "-raw", "raw--1", "r" * 64]),
        ("UPLOAD_ENDINGS", ["", "mp4", ".mp4, .mov", ".mp4,", "*.mp4", ".m p4"]),
        ("RECONCILE_STATE", ["", "reconciliation", "http://code1.blob.core.windows.net/reconciliation"]),
        ("RECONCILE_EXISTING", ["", "yes", "True"]),
        ("SAS_HOURS", ["", "0", "169", "-1", "1.5", "24h", " 24", "٢٤"]),
        ("MEDIA_ENDPOINT", ["", "http://127.0.0.1", "management.azure.com", "https://host/path"]),
        ("MEDIA_AUDIENCE", ["", "api://a b", "https://management.azure.com/.default"]),
        ("MEDIA_SUBSCRIPTION_ID", ["", "mine"]),
        ("MEDIA_RESOURCE_GROUP", ["", "group.", "a/b", "g" * 91]),
        ("MEDIA_ACCOUNT", ["", "ab", "Account", "a-b", "a" * 25]),
        ("MEDIA_TRANSFORM", ["", "face:redact", "a/b", "t" * 261]),
    ],
)
def test_names_a_wrong_setting_its_value_and_what_is_allowed(
    environment: dict[str, str], name: str, values: list[str]
) -> None:
    for value in values:
        with pytest.raises(SettingsError) as caught:
            settings.read(environment | {name: value})
        line = str(caught.value)
        assert line.startswith(f"setting {name} is {value!r}; allowed: ")
        assert "\n" not in line


def test_names_each_missing_setting(environment: dict[str, str]) -> None:
    for name in environment:
        rest = {other: value for other, value in environment.items() if other != name}
        with pytest.raises(SettingsError, match=f"^setting {name} is missing; allowed: "):
            settings.read(rest)


@pytest.mark.parametrize(
    ("endpoint", "account"),
    [
        ("https://lake1.blob.core.windows.net/", "lake1"),
        ("https://lake1.z22.blob.storage.azure.net/", "lake1"),
        ("https://lake1.blob.core.chinacloudapi.cn", "lake1"),
        ("https://127.0.0.1:10000/lake1/", "lake1"),
    ],
)
def test_finds_the_account_in_its_endpoint(environment: dict[str, str], endpoint: str, account: str) -> None:
    assert settings.read(environment | {"LAKE_BLOB_ENDPOINT": endpoint}).lake_blob_endpoint.account == account
