"""Blob events, which Azurite does not emit, derived from listings."""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, BlobServiceClient, BlobType

from local.events import blob_events
from local.events.blob_events import Blob
from local.events.filter import Event
from local.host.data_folder import open_database

INTERVAL_SECONDS = 0.15
SHARE_OF_TIME = 0.2  # listing takes at most this share of the time, however many blobs there are
COLUMNS = ("container", "name", "etag", "length", "content_type", "blob_type", "created", "copy_id", "properties")
SCHEMA = f"CREATE TABLE IF NOT EXISTS seen ({', '.join(COLUMNS)}, PRIMARY KEY (container, name))"
log = logging.getLogger(__name__)


class BlobWatcher:
    """Watches an account's blobs and publishes events of new, changed and deleted ones. A context manager.

    The folder `state` records the published versions, so that a restart publishes exactly the changes since. As on
    Azure, new metadata or headers raise no event, and an append blob raises one only at its creation. Unlike Azure,
    several writes within an interval raise one event, and a write of blocks that keeps the size and changes the
    metadata raises none.
    """

    def __init__(
        self,
        topic: str,
        endpoint: str,
        credential: TokenCredential | AzureNamedKeyCredential,
        publish: Callable[[Event], None],
        *,
        state: Path | None = None,
    ) -> None:
        self._topic = topic
        self._endpoint = endpoint
        self._publish = publish
        self._account = BlobServiceClient(endpoint, credential, retry_total=0)
        self._seen = _Seen(state)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="blob-watcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._account.close()
        self._seen.close()

    def _watch(self) -> None:
        failing = False
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                self._look()
                failing = False
            except AzureError as error:  # storage does not answer; blobs that are not listed may still exist
                if not failing:
                    log.warning("cannot list %s: %s", self._endpoint, error.message.splitlines()[0])
                failing = True
            except Exception:  # the next listing may succeed, and no event is lost by trying
                log.exception("cannot watch %s", self._endpoint)
            took = time.monotonic() - began
            self._stopped.wait(max(INTERVAL_SECONDS, took / SHARE_OF_TIME - took))

    def _look(self) -> None:
        containers = [container.name for container in self._account.list_containers()]
        self._seen.forget_containers_but(containers)  # the deletion of a container raises no events for its blobs
        for name in containers:
            with self._account.get_container_client(name) as container:
                try:
                    listed = container.list_blobs(include=["copy", "metadata"])
                    present = {item.name: _blob(name, item) for item in listed}
                except ResourceNotFoundError:
                    continue
            known = self._seen.of(name)
            for blob in present.values():
                before = known.get(blob.name)
                if before is None or before.etag != blob.etag:
                    if before is None or _is_written_anew(before, blob):
                        api = self._api(blob, before)
                        self._publish(blob_events.created(self._topic, self._endpoint, _as_announced(blob), api))
                    self._seen.add(blob)
            for gone in [blob for blob in known.values() if blob.name not in present]:
                self._publish(blob_events.deleted(self._topic, self._endpoint, gone))
                self._seen.remove(gone)

    def _api(self, blob: Blob, before: Blob | None) -> str:
        """Return the operation that wrote the blob: only PutBlockList leaves committed blocks."""
        if blob.copy_id and (before is None or blob.copy_id != before.copy_id):
            return "CopyBlob"
        if blob.blob_type != BlobType.BLOCKBLOB.value:
            return "PutBlob"
        with self._account.get_blob_client(blob.container, blob.name) as client:
            try:
                committed, _ = client.get_block_list("committed")
            except ResourceNotFoundError:  # deleted meanwhile
                return "PutBlob"
        return "PutBlockList" if committed else "PutBlob"


def _blob(container: str, item: BlobProperties) -> Blob:
    return Blob(
        container=container,
        name=item.name,
        etag=item.etag.strip('"'),
        length=item.size,
        content_type=item.content_settings.content_type or "application/octet-stream",
        blob_type=BlobType(item.blob_type).value,
        created=item.creation_time.isoformat(),
        copy_id=item.copy.id or "",
        properties=_digest(item),
    )


def _digest(item: BlobProperties) -> str:
    # The hash is the content's: an upload in the second of the one before differs from it in nothing else.
    headers = {name: str(value) for name, value in vars(item.content_settings).items() if name != "content_md5"}
    said = json.dumps([dict(item.metadata or {}), headers], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _is_written_anew(before: Blob, now: Blob) -> bool:
    """Return True if the content has changed, and not the metadata alone."""
    if (now.created, now.copy_id) != (before.created, before.copy_id):
        return True
    if now.blob_type != BlobType.BLOCKBLOB.value:  # appending and writing pages raise no event
        return False
    return now.length != before.length or now.properties == before.properties


def _as_announced(blob: Blob) -> Blob:
    """Return the blob as its event shows it: an append blob is announced empty."""
    return replace(blob, length=0) if blob.blob_type == BlobType.APPENDBLOB.value else blob


class _Seen:
    """The published version of each blob, in memory and in a table."""

    def __init__(self, folder: Path | None) -> None:
        self._database = open_database(folder and folder / "blobs.sqlite", SCHEMA)
        kept = {row[1] for row in self._database.execute("PRAGMA table_info(seen)")}
        for column in COLUMNS:  # an earlier version may have made the folder
            if column not in kept:
                self._database.execute(f"ALTER TABLE seen ADD COLUMN {column} DEFAULT ''")
        # Safe if the process is killed; only a power failure would lose rows.
        self._database.execute("PRAGMA synchronous = OFF")
        self._blobs: dict[str, dict[str, Blob]] = {}
        for row in self._database.execute(f"SELECT {', '.join(COLUMNS)} FROM seen"):  # noqa: S608
            blob = Blob(**dict(zip(COLUMNS, row, strict=True)))
            self._blobs.setdefault(blob.container, {})[blob.name] = blob

    def of(self, container: str) -> dict[str, Blob]:
        return self._blobs.setdefault(container, {})

    def add(self, blob: Blob) -> None:
        self._database.execute(
            f"INSERT OR REPLACE INTO seen ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",  # noqa: S608
            [getattr(blob, column) for column in COLUMNS],
        )
        self.of(blob.container)[blob.name] = blob

    def remove(self, blob: Blob) -> None:
        self._database.execute("DELETE FROM seen WHERE container=? AND name=?", (blob.container, blob.name))
        del self.of(blob.container)[blob.name]

    def forget_containers_but(self, present: list[str]) -> None:
        for container in [name for name in self._blobs if name not in present]:
            self._database.execute("DELETE FROM seen WHERE container=?", (container,))
            del self._blobs[container]

    def close(self) -> None:
        self._database.close()
