"""Parsing of an event: the blob of the lake that it announces, or the reason to ignore it."""

import contextlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

import azure.functions as func

from trigger.address import BlobAddress, locate
from trigger.outcomes import Ignored, PassedOver, Refused
from trigger.progress import RenamedFolder
from trigger.settings import Settings

BLOB_CREATED = "Microsoft.Storage.BlobCreated"
BLOB_RENAMED = "Microsoft.Storage.BlobRenamed"
DIRECTORY_RENAMED = "Microsoft.Storage.DirectoryRenamed"
ADDRESS_OF = {BLOB_CREATED: "url", BLOB_RENAMED: "destinationUrl"}
UNFINISHED = frozenset({"CreateFile", "SftpCreate"})  # another event follows when the file is complete
OUTPUT_STEM = "_redacted"  # appended by the media service; a result copied into the lake must not be redacted again


@dataclass(frozen=True)
class Upload:
    """One version of one blob."""

    address: BlobAddress
    etag: str  # without quotes
    event_id: str


@dataclass(frozen=True)
class Announcement:
    """An event's data about a blob. `etag` is None for a rename, which has none."""

    address: BlobAddress
    etag: str | None  # without quotes
    event_id: str


def read(event: func.EventGridEvent, settings: Settings) -> Announcement:
    """Parse an event. Raises Ignored unless it is a finished upload of a video, Refused if it is malformed."""
    key = ADDRESS_OF.get(event.event_type or "")
    if not key:
        raise Ignored(f"event type is {event.event_type}, not {' or '.join(ADDRESS_OF)}")
    data = event.get_json()
    if not isinstance(data, dict):
        raise Refused("the event's data is not an object")
    if (api := data.get("api")) in UNFINISHED:
        raise Ignored(f"{api} begins an upload; the event of its end follows")
    url, etag = data.get(key), data.get("eTag")
    if not isinstance(url, str):
        raise Refused(f"data.{key} is {url!r}, not an address")
    address = locate(url, event.subject or "", settings.lake_blob_endpoint, settings.lake_dfs_endpoint)
    judge(address, settings)
    if event.event_type == BLOB_CREATED and (not isinstance(etag, str) or not etag.strip('"')):
        raise Refused(f"data.eTag is {etag!r}; without it, two uploads to one address look the same")
    return Announcement(address, etag.strip('"') if isinstance(etag, str) else None, event.id)


def read_folder(event: func.EventGridEvent, settings: Settings) -> RenamedFolder:
    """Parse the event of a renamed folder. Its videos raise none. Raises Ignored and Refused."""
    data = event.get_json()
    if not isinstance(data, dict):
        raise Refused("the event's data is not an object")
    url, former = data.get("destinationUrl"), data.get("sourceUrl")
    if not isinstance(url, str):
        raise Refused(f"data.destinationUrl is {url!r}, not an address")
    address = locate(url, event.subject or "", settings.lake_blob_endpoint, settings.lake_dfs_endpoint)
    if address.container != settings.upload_container:
        raise Ignored(f"container is {address.container}, not {settings.upload_container}")
    path = address.name.strip("/")
    if not path:
        raise Refused(f"data.destinationUrl {url!r} names no folder")
    return RenamedFolder(f"{path}/", _former(former, settings))


def _former(url: object, settings: Settings) -> tuple[str, ...]:
    """Return the folder's former path, or nothing if it is not known or was in another container.

    Event Grid does not document whether `url` is percent-encoded, and no subject decides. So both spellings count.
    """
    if not isinstance(url, str):
        return ()
    endpoints = (settings.lake_blob_endpoint, settings.lake_dfs_endpoint)
    below = next((path for endpoint in endpoints if (path := endpoint.path_of(url)) is not None), "")
    container, _, spelling = below.partition("/")
    if container != settings.upload_container:
        return ()
    paths = [spelling]
    with contextlib.suppress(UnicodeDecodeError):
        paths.insert(0, unquote(spelling, errors="strict"))
    return tuple(dict.fromkeys(f"{path}/" for each in paths if (path := each.strip("/"))))


def judge(address: BlobAddress, settings: Settings) -> None:
    """Raise Ignored unless the name is that of a video to redact; PassedOver if only its ending is not."""
    if address.container != settings.upload_container:
        raise Ignored(f"container is {address.container}, not {settings.upload_container}")
    if not address.name or address.name.endswith("/"):
        raise Ignored("it is a directory")
    if PurePosixPath(address.name).stem.lower().endswith(OUTPUT_STEM):
        raise Ignored(f"its name ends in {OUTPUT_STEM}: it is the output of a redaction")
    if not address.name.lower().endswith(settings.upload_endings):
        raise PassedOver(f"its name ends in none of {', '.join(settings.upload_endings)} (setting uploadEndings)")
