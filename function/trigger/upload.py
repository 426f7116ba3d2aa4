"""A BlobCreated event read and judged."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import azure.functions as func

from trigger.address import BlobAddress, locate
from trigger.outcomes import Ignored, Refused
from trigger.settings import Settings

BLOB_CREATED = "Microsoft.Storage.BlobCreated"
UNFINISHED = frozenset({"CreateFile", "SftpCreate"})  # another event follows when the file is complete
COPY = "CopyBlob"
OUTPUT_STEM = "_redacted"  # what the media service appends: copied into the lake, it must not go round again


@dataclass(frozen=True)
class Upload:
    """One version of one blob."""

    address: BlobAddress
    etag: str  # without quotes
    event_id: str
    by_copy: bool


def read(event: func.EventGridEvent, settings: Settings) -> Upload:
    """Raises Ignored for what is not a finished video upload, Refused for what is not a well-formed event."""
    if event.event_type != BLOB_CREATED:
        raise Ignored(f"event type is {event.event_type}, not {BLOB_CREATED}")
    data = event.get_json()
    if not isinstance(data, dict):
        raise Refused("the event's data is not an object")
    api, url, etag = (data.get(key) for key in ("api", "url", "eTag"))
    if api in UNFINISHED:
        raise Ignored(f"{api} begins an upload; the event of its end follows")
    if data.get("contentLength") == 0:
        raise Ignored("the blob is empty")
    if not isinstance(url, str):
        raise Refused(f"data.url is {url!r}, not an address")
    address = locate(url, event.subject or "", settings.lake_blob_endpoint, settings.lake_dfs_endpoint)
    if address.container != settings.upload_container:
        raise Ignored(f"container is {address.container}, not {settings.upload_container}")
    if not address.name or address.name.endswith("/"):
        raise Ignored("it is a directory")
    if PurePosixPath(address.name).stem.lower().endswith(OUTPUT_STEM):
        raise Ignored(f"its name ends in {OUTPUT_STEM}: it is the output of a redaction")
    if not isinstance(etag, str) or not etag.strip('"'):
        raise Refused(f"data.eTag is {etag!r}; without it, two uploads to one address look the same")
    return Upload(address, etag.strip('"'), event.id, by_copy=api == COPY)
