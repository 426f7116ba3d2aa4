"""The events that Azurite does not emit: blobs that came, changed and went, seen by listing."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, BlobServiceClient, BlobType

from local.events import blob_events
from local.events.blob_events import Blob
from local.events.filter import Event

INTERVAL_SECONDS = 0.15
SHARE_OF_TIME = 0.2  # at most this part of the time goes into listing, however many blobs there are
SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    container TEXT, name TEXT, etag TEXT, length INTEGER, content_type TEXT, blob_type TEXT,
    PRIMARY KEY (container, name)
)
"""
log = logging.getLogger(__name__)


class BlobWatcher:
    """Watches an account from `with` until its end and publishes each new (name, eTag), and each name that went.

    What was published is kept in the folder `state`, so that a restart publishes what changed meanwhile and nothing
    else. Unlike Azure it sees one event where a blob was written several times within an interval, and takes a change
    of a blob's metadata for a new upload.
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
            except AzureError as error:  # the storage is away; what is not listed has not gone
                if not failing:
                    log.warning("cannot list %s: %s", self._endpoint, error.message.splitlines()[0])
                failing = True
            except Exception:  # whatever it is, the next look may succeed, and no event is lost by trying
                log.exception("cannot watch %s", self._endpoint)
            took = time.monotonic() - began
            self._stopped.wait(max(INTERVAL_SECONDS, took / SHARE_OF_TIME - took))

    def _look(self) -> None:
        containers = [container.name for container in self._account.list_containers()]
        self._seen.forget_containers_but(containers)  # a container's end raises no events for its blobs
        for name in containers:
            with self._account.get_container_client(name) as container:
                try:
                    present = {item.name: _blob(name, item) for item in container.list_blobs()}
                except ResourceNotFoundError:
                    continue
            known = self._seen.of(name)
            for blob in present.values():
                before = known.get(blob.name)
                if before is None or before.etag != blob.etag:
                    self._publish(blob_events.created(self._topic, self._endpoint, blob, self._api(blob)))
                    self._seen.add(blob)
            for gone in [blob for blob in known.values() if blob.name not in present]:
                self._publish(blob_events.deleted(self._topic, self._endpoint, gone))
                self._seen.remove(gone)

    def _api(self, blob: Blob) -> str:
        """By what it leaves behind: only a block list leaves committed blocks."""
        if blob.blob_type != BlobType.BLOCKBLOB.value:
            return "PutBlob"
        with self._account.get_blob_client(blob.container, blob.name) as client:
            try:
                committed, _ = client.get_block_list("committed")
            except ResourceNotFoundError:  # gone already
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
    )


class _Seen:
    """The blobs whose last change was published, in memory and in a table."""

    def __init__(self, folder: Path | None) -> None:
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            folder / "blobs.sqlite" if folder else ":memory:", check_same_thread=False, autocommit=True
        )
        self._database.execute(SCHEMA)
        # A killed process loses nothing by it; only a machine that loses power would.
        self._database.execute("PRAGMA synchronous = OFF")
        self._blobs: dict[str, dict[str, Blob]] = {}
        for row in self._database.execute("SELECT * FROM seen"):
            blob = Blob(
                container=row[0], name=row[1], etag=row[2], length=row[3], content_type=row[4], blob_type=row[5]
            )
            self._blobs.setdefault(blob.container, {})[blob.name] = blob

    def of(self, container: str) -> dict[str, Blob]:
        return self._blobs.setdefault(container, {})

    def add(self, blob: Blob) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)",
            (blob.container, blob.name, blob.etag, blob.length, blob.content_type, blob.blob_type),
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
