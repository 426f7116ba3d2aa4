"""Blob Storage events in Event Grid's schema.

Source: learn.microsoft.com "Azure Blob Storage as an Event Grid source". An upload by the blob endpoint looks as
here on a hierarchical account too; only operations of the dfs endpoint write dataVersion "2".
"""

import itertools
import time
import uuid
from dataclasses import dataclass
from urllib.parse import quote

from local.events.dead_letters import timestamp
from local.events.filter import Event

CREATED = "Microsoft.Storage.BlobCreated"
DELETED = "Microsoft.Storage.BlobDeleted"
PATH_CHARACTERS = "/!$&'()*+,;=:@~"  # allowed unencoded in a path by RFC 3986
_sequence = itertools.count(time.time_ns())


@dataclass(frozen=True)
class Blob:
    """The properties of a blob that an event holds or that distinguish two versions. `etag` has no quotes."""

    container: str
    name: str
    etag: str
    length: int
    content_type: str
    blob_type: str
    created: str = ""  # Azurite's creation time, which only some operations renew
    copy_id: str = ""
    properties: str = ""  # a digest of metadata and headers


def created(topic: str, endpoint: str, blob: Blob, api: str) -> Event:
    """Return a BlobCreated event. `api` is the operation, `topic` the account's ARM id, `endpoint` ends in a slash."""
    return _event(CREATED, topic, endpoint, blob, api)


def deleted(topic: str, endpoint: str, blob: Blob) -> Event:
    return _event(DELETED, topic, endpoint, blob, "DeleteBlob")


def _event(kind: str, topic: str, endpoint: str, blob: Blob, api: str) -> Event:
    return {
        "topic": topic,
        "subject": f"/blobServices/default/containers/{blob.container}/blobs/{blob.name}",
        "eventType": kind,
        "eventTime": timestamp(time.time()),
        "id": str(uuid.uuid4()),
        "data": {
            "api": api,
            "clientRequestId": str(uuid.uuid4()),
            "requestId": str(uuid.uuid4()),
            "eTag": blob.etag,
            "contentType": blob.content_type,
            "contentLength": blob.length,
            "blobType": blob.blob_type,
            "url": f"{endpoint}{blob.container}/{quote(blob.name, safe=PATH_CHARACTERS)}",
            "sequencer": f"{next(_sequence):032X}",
            "storageDiagnostics": {"batchId": str(uuid.uuid4())},
        },
        "dataVersion": "",
        "metadataVersion": "1",
    }
