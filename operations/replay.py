"""Raises the events of dead letters again: each video is copied onto itself, which raises a new BlobCreated.

Only the storage account may publish to its system topic. Sources: learn.microsoft.com "Azure Blob Storage as an
Event Grid source" (a copy raises BlobCreated by CopyBlob) and "Copy Blob" (onto the same name it replaces the blob;
within an account no link to the source is needed).
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from operations.errors import OperationError, UsageError
from operations.letters import DEAD_LETTERS, uploaded_blob
from operations.tables import show_table

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import AzureError
    from azure.storage.blob import BlobClient, BlobProperties, ContainerClient

DIRECTORY_RENAMED = "Microsoft.Storage.DirectoryRenamed"
MARK = "replayed"  # metadata of a video: the id of the event that was last raised again
COPY_SECONDS = 600.0
POLL_SECONDS = 0.5


class ReplayError(OperationError):
    """A letter is kept, or a container cannot be read. The message is one line with the reason."""


@dataclass(frozen=True)
class Containers:
    """The https addresses of two blob containers, without a query."""

    dead_letters: str
    uploads: str

    @classmethod
    def of_outputs(cls, text: str) -> "Containers":
        """Read the output of `pulumi stack output --json`. Raises UsageError."""
        try:
            outputs = json.loads(text)
            return cls.at(f"{outputs['resultsIn'].rstrip('/')}/{DEAD_LETTERS}", outputs["uploadTo"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise UsageError(
                "standard input does not hold a stack's outputs; allowed: what `pulumi stack output --json` prints, "
                "or the options --dead-letters and --uploads"
            ) from None

    @classmethod
    def at(cls, dead_letters: str, uploads: str) -> "Containers":
        """Check two addresses of containers. Raises UsageError."""
        for option, url in (("--dead-letters", dead_letters), ("--uploads", uploads)):
            parts = urlsplit(url)
            if parts.scheme != "https" or not parts.hostname or not parts.path.strip("/") or parts.query:
                raise UsageError(
                    f"{option} is {url!r}; allowed: a container's https address, such as "
                    "https://account.blob.core.windows.net/raw"
                )
        return cls(dead_letters.rstrip("/"), uploads.rstrip("/"))


@dataclass(frozen=True)
class UndeliveredEvent:
    """One undelivered event. `letter` is the dead letter's blob name, `video` that of the uploaded blob or folder."""

    letter: str
    event_id: str
    time: datetime
    container: str
    video: str
    reason: str
    attempts: int
    folder: bool = False  # a renamed one, with several videos


@dataclass(frozen=True)
class Outcome:
    """The outcome for all letters of a video. `problem` is None if its event was raised again."""

    video: str
    problem: str | None


class Replay:
    """Reads letters and raises their events again. Raises ReplayError if a container cannot be read at all."""

    def __init__(self, containers: Containers, credential: "TokenCredential") -> None:
        self._at = containers
        self._credential = credential

    def letters(self) -> tuple[list[UndeliveredEvent], list[str]]:
        """Return all undelivered events, oldest first, and a line for each letter that cannot be read."""
        from azure.core.exceptions import AzureError

        found: list[UndeliveredEvent] = []
        unread: list[str] = []
        with self._container(self._at.dead_letters) as container:
            try:
                for name in container.list_blob_names():
                    try:
                        found += _read(name, container.download_blob(name).readall())
                    except ReplayError as error:
                        unread.append(f"{name}: {error}; it is kept")
            except AzureError as error:
                raise ReplayError(f"{self._at.dead_letters} cannot be read: {_said(error)}") from None
        return sorted(found, key=lambda event: event.time), unread

    def raise_again(self, events: Iterable[UndeliveredEvent]) -> Iterator[Outcome]:
        """Raise one event per video, however many of its events were lost, since only its present content exists.

        A letter is deleted once the event of every video that it names has been raised.
        """
        videos: dict[tuple[str, str], list[UndeliveredEvent]] = {}
        waiting: dict[str, set[tuple[str, str]]] = {}
        for event in events:
            videos.setdefault((event.container, event.video), []).append(event)
            waiting.setdefault(event.letter, set()).add((event.container, event.video))
        with self._container(self._at.uploads) as uploads, self._container(self._at.dead_letters) as letters:
            for (container, video), of_video in videos.items():
                said = f"{container}/{video}"
                newest = max(of_video, key=lambda event: event.time)
                try:
                    if container != uploads.container_name:
                        raise ReplayError(f"it is not in {self._at.uploads}")
                    if newest.folder:
                        _raise_all(uploads, _videos(uploads, video), newest.event_id)
                    else:
                        with uploads.get_blob_client(video) as blob:
                            raise_event(blob, newest.event_id)
                    for letter in {event.letter for event in of_video}:
                        waiting[letter].discard((container, video))
                        if not waiting[letter]:
                            _delete(letters, letter)
                except ReplayError as error:
                    kept = ", ".join(sorted({event.letter for event in of_video}))
                    yield Outcome(said, f"{error}; kept: {kept}")
                else:
                    yield Outcome(said, None)

    def _container(self, url: str) -> "ContainerClient":
        from azure.storage.blob import ContainerClient, ExponentialRetry

        retry = ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=3)  # seconds; a person is waiting
        return ContainerClient.from_container_url(url, self._credential, retry_policy=retry)


def _read(name: str, content: bytes) -> list[UndeliveredEvent]:
    """Parse a letter: a JSON array of events in Event Grid's schema, each with the reason of its failure."""
    try:
        return [_event(name, item) for item in json.loads(content)]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ReplayError("it is no dead letter of an upload") from None


def _event(letter: str, item: dict[str, Any]) -> UndeliveredEvent:
    container, video = uploaded_blob(item)
    reason = f"{item.get('deadLetterReason') or 'unknown'}: {item.get('lastDeliveryOutcome') or 'unknown'}"
    return UndeliveredEvent(
        letter=letter,
        event_id=str(item["id"]),
        time=datetime.fromisoformat(item["eventTime"]),
        container=container,
        video=video,
        reason=reason,
        attempts=int(item.get("deliveryAttempts") or 0),
        folder=item.get("eventType") == DIRECTORY_RENAMED,
    )


def _videos(uploads: "ContainerClient", folder: str) -> list[str]:
    """Return the names of a folder's files. Raises ReplayError if there are none or they cannot be listed."""
    from azure.core.exceptions import AzureError

    try:
        found = [blob.name for blob in uploads.list_blobs(name_starts_with=f"{folder.strip('/')}/") if blob.size]
    except AzureError as error:
        raise ReplayError(f"it cannot be listed: {_said(error)}") from None
    if not found:
        raise ReplayError("no file is in the folder; it may have been renamed once more")
    return found


def _raise_all(uploads: "ContainerClient", names: Iterable[str], event_id: str) -> None:
    """Raise the events of a folder's files. Raises ReplayError at the end, with each file that failed."""
    failed: list[str] = []
    for name in names:
        try:
            with uploads.get_blob_client(name) as blob:
                raise_event(blob, event_id)
        except ReplayError as error:
            failed.append(f"{name}: {error}")
    if failed:
        raise ReplayError("; ".join(failed))


def raise_event(blob: "BlobClient", event_id: str) -> None:
    """Copy a video onto itself, unless an interrupted run has already done so for the same event.

    Raises ReplayError if it is deleted, changes meanwhile or cannot be copied completely.
    """
    from azure.core import MatchConditions
    from azure.core.exceptions import AzureError, ResourceModifiedError, ResourceNotFoundError

    try:
        before = blob.get_blob_properties()
        if before.metadata.get(MARK) == event_id and before.copy.status != "failed":
            _wait(blob, before, before.size)
            return
        blob.start_copy_from_url(
            blob.url,
            metadata={**before.metadata, MARK: event_id},
            etag=before.etag,
            match_condition=MatchConditions.IfNotModified,
        )
        _wait(blob, blob.get_blob_properties(), before.size)
    except ResourceNotFoundError:
        raise ReplayError("the video is gone, so upload it again") from None
    except ResourceModifiedError as error:
        if getattr(error, "error_code", None) == "ConditionNotMet":
            raise ReplayError("it is being written just now, which raises an event of its own; try again") from None
        raise ReplayError(f"it cannot be copied onto itself: {_said(error)}") from None
    except AzureError as error:
        raise ReplayError(f"it cannot be copied onto itself: {_said(error)}") from None


def _wait(blob: "BlobClient", now: "BlobProperties", size: int) -> None:
    """Wait for the end of a copy. Within an account copies usually finish at once, without a guarantee."""
    deadline = time.monotonic() + COPY_SECONDS
    while now.copy.status == "pending" and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        now = blob.get_blob_properties()
    if now.copy.status != "success" or now.size != size:
        raise ReplayError(f"its copy onto itself is {now.copy.status} with {now.size} of {size} bytes: look at it")


def _delete(letters: "ContainerClient", name: str) -> None:
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    try:
        letters.delete_blob(name)
    except ResourceNotFoundError:  # another replay has just deleted it
        pass
    except AzureError as error:
        raise ReplayError(f"its event was raised, but {name} cannot be deleted: {_said(error)}") from None


def _said(error: "AzureError") -> str:
    """Return the first line of Azure's message, with the remedy if a login or a role is missing."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    line = (error.message.splitlines() or [type(error).__name__])[0].strip()
    if isinstance(error, HttpResponseError) and error.status_code == 403:
        return f"{line} (the role Storage Blob Data Contributor is needed on both containers)"
    if isinstance(error, ClientAuthenticationError):
        return f"{line} (log in by `az login`)"
    return line


def replay(containers: Containers, credential: "TokenCredential", *, dry_run: bool) -> list[str]:
    """List the events, or raise them again unless `dry_run`. Return a line for each letter that is kept.

    Raises ReplayError.
    """
    from rich.console import Console

    console = Console(highlight=False)
    work = Replay(containers, credential)
    events, problems = work.letters()
    if not events:
        console.print(f"no dead letters in {containers.dead_letters}", markup=False, soft_wrap=True)
        return problems
    if dry_run:
        _tabulate(events)
        return problems
    for outcome in work.raise_again(events):
        if outcome.problem:
            problems.append(f"{outcome.video}: {outcome.problem}")
        else:
            console.print(f"{outcome.video}: its event is raised again", markup=False, soft_wrap=True)
    return problems


def _tabulate(events: list[UndeliveredEvent]) -> None:
    show_table(
        ("uploaded", "video", "why it was given up", "attempts"),
        [
            (
                f"{event.time:%Y-%m-%d %H:%M:%S}",
                f"{event.container}/{event.video}",
                event.reason,
                str(event.attempts),
            )
            for event in events
        ],
    )
