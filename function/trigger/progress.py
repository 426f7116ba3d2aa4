"""The progress of the reconciliation, kept in blobs of the function's storage account."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import ContainerClient, ExponentialRetry

from trigger.deadline import Deadline

BLOB = "progress.json"
FOLDERS = "renamed/"
EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scan:
    """A listing under way, page by page, of uploads changed from `since` until `until`.

    `marker` is where storage goes on. `left` is the earliest change of an upload that needs another run.
    """

    since: datetime
    until: datetime
    marker: str | None = None
    left: datetime | None = None


@dataclass(frozen=True)
class Progress:
    """Uploads changed after `beginning` are compared. Those changed until `through` have been; `scan` has not ended."""

    beginning: datetime
    through: datetime
    scan: Scan | None = None


@dataclass(frozen=True)
class RenamedFolder:
    """A folder of videos with new names. All paths are below the container and end in a slash.

    `former` is its former path in each spelling that the event may mean, or empty if it said none. `marker` is where
    the listing goes on, and `again` says that some of what came before needs another run. Once all is `compared`, the
    folder is kept for as long as a listing may meet videos that were changed before it was `noted`. `etag` is that of
    the blob that holds this.
    """

    path: str
    former: tuple[str, ...] = ()
    marker: str | None = None
    again: bool = False
    compared: bool = False
    noted: datetime = EVER
    etag: str | None = None

    @classmethod
    def parsed(cls, text: str | bytes, etag: str) -> Self:
        kept = json.loads(text)
        noted = datetime.fromisoformat(kept["noted"])
        return cls(**{**kept, "former": tuple(kept["former"]), "noted": noted, "etag": etag})

    def text(self) -> str:
        kept = asdict(self) | {"noted": self.noted.isoformat()}
        del kept["etag"]
        return json.dumps(kept)

    @property
    def blob(self) -> str:
        return FOLDERS + hashlib.sha256("\n".join((self.path, *self.former)).encode()).hexdigest()


class ProgressStore:
    """The container that holds the progress. Raises azure.core.exceptions.AzureError."""

    def __init__(self, container_url: str, credential: TokenCredential) -> None:
        # Only a broken connection is retried here, once. Event Grid or the next run repeats the rest.
        retry = ExponentialRetry(
            initial_backoff=0, increment_base=1, random_jitter_range=0, retry_total=1, retry_status=0
        )
        self._container = ContainerClient.from_container_url(container_url, credential, retry_policy=retry)

    def read(self, *, existing: bool) -> Progress:
        """Return the last written progress, or at first one that begins at the deployment, the container's creation.

        With `existing`, earlier uploads are compared once as well.
        """
        try:
            progress = _progress(json.loads(self._container.download_blob(BLOB).readall()))
        except ResourceNotFoundError:
            made = self._container.get_container_properties().last_modified
            progress = Progress(made, made)
        return Progress(EVER, EVER) if existing and progress.beginning > EVER else progress

    def write(self, progress: Progress) -> None:
        kept: dict[str, Any] = {
            "beginning": progress.beginning.isoformat(),
            "through": progress.through.isoformat(),
        }
        if scan := progress.scan:
            left = scan.left.isoformat() if scan.left else None
            times = {"since": scan.since.isoformat(), "until": scan.until.isoformat()}
            kept["scan"] = {**times, "marker": scan.marker, "left": left}
        self._container.upload_blob(BLOB, json.dumps(kept), overwrite=True)

    def note(self, folder: RenamedFolder, deadline: Deadline) -> None:
        """Keep a folder for the next run, from its first video on."""
        noted = replace(folder, noted=datetime.now(UTC))
        self._container.upload_blob(noted.blob, noted.text(), overwrite=True, **deadline.timeouts())

    def folders(self) -> Iterator[RenamedFolder]:
        for name in list(self._container.list_blob_names(name_starts_with=FOLDERS)):
            found = self._container.download_blob(name)
            yield RenamedFolder.parsed(found.readall(), found.properties.etag)

    def advance(
        self, folder: RenamedFolder, marker: str | None, *, again: bool = False, compared: bool = False
    ) -> RenamedFolder | None:
        """Keep how far the folder is compared. Return it, or None if it has been renamed once more meanwhile."""
        advanced = replace(folder, marker=marker, again=again, compared=compared)
        with self._container.get_blob_client(folder.blob) as blob:
            try:
                written = blob.upload_blob(advanced.text(), overwrite=True, **_unchanged(folder))
            except ResourceModifiedError:
                return None
        return replace(advanced, etag=written["etag"])

    def forget(self, folder: RenamedFolder) -> None:
        """Forget the folder, unless it has been renamed once more meanwhile."""
        with contextlib.suppress(ResourceModifiedError, ResourceNotFoundError):
            self._container.delete_blob(folder.blob, **_unchanged(folder))


def _progress(kept: dict[str, Any]) -> Progress:
    beginning, through = (datetime.fromisoformat(kept[key]) for key in ("beginning", "through"))
    scan = None
    if found := kept.get("scan"):
        since, until = (datetime.fromisoformat(found[key]) for key in ("since", "until"))
        left = datetime.fromisoformat(found["left"]) if found["left"] else None
        scan = Scan(since, until, found["marker"], left)
    return Progress(beginning, through, scan)


def _unchanged(folder: RenamedFolder) -> dict[str, Any]:
    return {"etag": folder.etag, "match_condition": MatchConditions.IfNotModified} if folder.etag else {}
