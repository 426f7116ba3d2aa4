"""The Function App's settings, validated once per worker."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from trigger.address import BlobEndpoint

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
RESOURCE_GROUP = re.compile(r"[-\w.()]{0,89}[-\w()]")
MEDIA_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
TRANSFORM = re.compile(r"[^<>%&:\\?/*+.']{1,260}")
ENDINGS = re.compile(r"\.[A-Za-z0-9]+(,\.[A-Za-z0-9]+)*")
AUDIENCE = re.compile(r"\S+(?<!/\.default)")
MAX_SAS_HOURS = 168  # a user delegation key lives seven days at most


class SettingsError(Exception):
    """A missing or wrong setting. The message is one line that names it, its value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    client_id: str
    lake_blob_endpoint: BlobEndpoint
    lake_dfs_endpoint: BlobEndpoint
    upload_container: str
    upload_endings: tuple[str, ...]  # in lower case
    sas_hours: int
    reconcile_state: str  # the address of the container for the reconciliation's progress
    reconcile_existing: bool  # compare uploads from before the deployment too
    media_endpoint: str
    media_audience: str
    media_subscription_id: str
    media_resource_group: str
    media_account: str
    media_transform: str


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError for the first missing or wrong one."""

    def text(name: str, pattern: re.Pattern[str], allowed: str) -> str:
        value = environment.get(name, "")
        if not pattern.fullmatch(value):
            raise _wrong(name, environment, allowed)
        return value

    def address(name: str, most_segments: int, allowed: str) -> str:
        value = environment.get(name, "")
        if not _is_https(value, most_segments):
            raise _wrong(name, environment, allowed)
        return value.rstrip("/")

    account = "the https address of a storage account, such as https://lake1.blob.core.windows.net/"
    hours = text("SAS_HOURS", re.compile(r"[0-9]{1,3}"), f"a whole number of hours from 1 to {MAX_SAS_HOURS}")
    if not 1 <= int(hours) <= MAX_SAS_HOURS:
        raise _wrong("SAS_HOURS", environment, f"a whole number of hours from 1 to {MAX_SAS_HOURS}")
    return Settings(
        client_id=text("AZURE_CLIENT_ID", GUID, "the client id (a GUID) of the function's managed identity"),
        lake_blob_endpoint=BlobEndpoint(address("LAKE_BLOB_ENDPOINT", 1, account)),
        lake_dfs_endpoint=BlobEndpoint(address("LAKE_DFS_ENDPOINT", 1, account)),
        upload_container=text("UPLOAD_CONTAINER", CONTAINER, "3 to 63 lower-case letters, digits and single hyphens"),
        upload_endings=tuple(text("UPLOAD_ENDINGS", ENDINGS, "endings such as .mp4,.mov").lower().split(",")),
        sas_hours=int(hours),
        reconcile_state=address(
            "RECONCILE_STATE", 2, "the https address of a container, such as https://code1.blob.core.windows.net/state"
        ),
        reconcile_existing=text("RECONCILE_EXISTING", re.compile("true|false"), "true or false") == "true",
        media_endpoint=address(
            "MEDIA_ENDPOINT", 0, "an https address without a path, such as https://management.azure.com"
        ),
        media_audience=text("MEDIA_AUDIENCE", AUDIENCE, "the audience that tokens are asked for, without /.default"),
        media_subscription_id=text("MEDIA_SUBSCRIPTION_ID", GUID, "a subscription id (a GUID)"),
        media_resource_group=text(
            "MEDIA_RESOURCE_GROUP",
            RESOURCE_GROUP,
            "1 to 90 letters, digits, dots, hyphens, underscores and parentheses, no dot at the end",
        ),
        media_account=text("MEDIA_ACCOUNT", MEDIA_ACCOUNT, "3 to 24 lower-case letters and digits"),
        media_transform=text("MEDIA_TRANSFORM", TRANSFORM, "1 to 260 characters without < > % & : \\ ? / * + . '"),
    )


def _wrong(name: str, environment: Mapping[str, str], allowed: str) -> SettingsError:
    was = f"is {environment[name]!r}" if name in environment else "is missing"
    return SettingsError(f"setting {name} {was}; allowed: {allowed}")


def _is_https(value: str, most_segments: int) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises when it is not a number
    except ValueError:
        return False
    segments = [segment for segment in parts.path.split("/") if segment]
    plain = not (parts.query or parts.fragment or parts.username or re.search(r"\s", value))
    return parts.scheme == "https" and bool(parts.hostname) and plain and len(segments) <= most_segments
