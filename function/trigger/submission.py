"""Submission of a blob's job, and the log of its outcome."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Self

import azure.functions as func
from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential

from trigger import logs, upload
from trigger.address import BlobAddress
from trigger.deadline import Deadline
from trigger.lake import Lake
from trigger.media import MediaAccount, Submitted
from trigger.names import job_name
from trigger.outcomes import Ignored, PassedOver, Refused, Retry
from trigger.progress import ProgressStore
from trigger.settings import Settings
from trigger.upload import Announcement, Upload

RECONCILIATION = "reconciliation"  # in place of an event's id


class End(Enum):
    """The outcome for a blob, as named in the log."""

    SUBMITTED = "submitted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REFUSED = "refused"
    RETRY = "retry"
    NOTED = "noted"  # a renamed folder, for the next reconciliation


@dataclass(frozen=True)
class Submission:
    """Submits jobs. One per worker, thread-safe."""

    settings: Settings
    lake: Lake
    media: MediaAccount
    progress: ProgressStore

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        credential = managed_identity(settings)
        return cls(
            settings,
            Lake(settings, credential),
            MediaAccount(settings, credential),
            ProgressStore(settings.reconcile_state, credential),
        )

    def handle(self, event: func.EventGridEvent) -> None:
        """Handle an event and log the outcome. Raises Retry if a later delivery may succeed.

        The cause is not chained, since the host reports chained texts unmasked, and they may contain the link.
        """
        about: dict[str, object] = {"eventId": event.id, "subject": event.subject}
        if event.event_type == upload.DIRECTORY_RENAMED:
            end, cause = self._logged(lambda: self._note(event, about), about)
        else:
            end, cause = self._logged(lambda: self._submit(upload.read(event, self.settings), about), about)
        if end is End.RETRY:
            raise Retry(cause) from None

    def reconcile(self, address: BlobAddress) -> End:
        """Submit a blob that no event has announced, and log the outcome."""
        about: dict[str, object] = {"eventId": RECONCILIATION}
        return self._logged(lambda: self._submit(Announcement(address, None, RECONCILIATION), about), about)[0]

    def _note(self, event: func.EventGridEvent, about: dict[str, object]) -> End:
        """Leave the videos of a renamed folder to the next reconciliation, which has more time."""
        folder = upload.read_folder(event, self.settings)
        about |= {"folder": folder.path, "former": folder.former}
        self.progress.note(folder, Deadline())
        return End.NOTED

    def _logged(self, act: Callable[[], End], about: dict[str, object]) -> tuple[End, str]:
        """Act, and log the outcome. Return it with its cause, if any."""
        started = time.monotonic()
        try:
            end = act()
        except PassedOver as reason:
            logs.write(logging.WARNING, "passed over", about | {"reason": str(reason)})
            return End.IGNORED, str(reason)
        except Ignored as reason:
            logs.write(logging.INFO, "ignored", about | {"reason": str(reason)})
            return End.IGNORED, str(reason)
        except Refused as reason:
            logs.write(logging.ERROR, "refused", about | {"reason": logs.mask(str(reason))})
            return End.REFUSED, str(reason)
        except Exception as error:
            expected = isinstance(error, AzureError | Retry)
            cause = str(error) if isinstance(error, Retry) else f"{type(error).__name__}: {error}"
            cause = logs.mask(" ".join(cause.split()))
            logs.write(logging.WARNING, "retry", about | {"reason": cause}, exc_info=not expected)
            return End.RETRY, cause
        milliseconds = round((time.monotonic() - started) * 1000)
        logs.write(logging.INFO, end.value, about | {"milliseconds": milliseconds})
        return end, ""

    def _submit(self, said: Announcement, about: dict[str, object]) -> End:
        about |= {"source": said.address.url}
        deadline = Deadline()
        found = self._find(said, deadline)
        about |= {"eTag": found.etag, "job": job_name(found)}
        if said.etag and said.etag != found.etag:  # overwritten meanwhile; the new version's event will be a duplicate
            about |= {"eventETag": said.etag}
        link = self.lake.read_link(found.address, deadline)
        new = self.media.submit(job_name(found), link, found, deadline) is Submitted.NEW
        return End.SUBMITTED if new else End.DUPLICATE

    def _find(self, said: Announcement, deadline: Deadline) -> Upload:
        """Return the current version of the blob. Raises Ignored if it needs no redaction, or not yet."""
        blob = self.lake.look(said.address, deadline)
        if blob is None:
            raise Ignored("the blob is gone: deleted or renamed")
        if blob.copying:  # a copy into a hierarchical namespace raises its event at its start
            raise Retry("the blob is still being copied")
        if blob.size == 0:
            raise Ignored("the blob is empty")
        if blob.appendable and said.event_id != RECONCILIATION:
            raise Ignored("it is an append blob that is not sealed; the reconciliation takes it once it has rested")
        return Upload(said.address, blob.etag, said.event_id)


def managed_identity(settings: Settings) -> ManagedIdentityCredential:
    return ManagedIdentityCredential(
        client_id=settings.client_id,
        connection_timeout=1,
        read_timeout=2,
        retry_total=1,
        retry_status=0,
        retry_backoff_factor=0.3,
    )
