"""An event's way through the function, and what is said about it."""

import logging
import time
from dataclasses import dataclass
from typing import Self

import azure.functions as func
from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential

from trigger import logs, upload
from trigger.deadline import Deadline
from trigger.lake import Lake
from trigger.media import MediaAccount, Submitted
from trigger.names import job_name
from trigger.outcomes import Ignored, Refused, Retry
from trigger.settings import Settings


@dataclass(frozen=True)
class Submission:
    """Made once for each worker; `handle` is thread-safe."""

    settings: Settings
    lake: Lake
    media: MediaAccount

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        credential = ManagedIdentityCredential(
            client_id=settings.client_id,
            connection_timeout=1,
            read_timeout=2,
            retry_total=1,
            retry_status=0,
            retry_backoff_factor=0.3,
        )
        return cls(settings, Lake(settings, credential), MediaAccount(settings, credential))

    def handle(self, event: func.EventGridEvent) -> None:
        """Logs one line with the outcome; raises Retry for what a later delivery may mend.

        The cause is not chained to it: the host reports chained texts unmasked, and they may quote the link.
        """
        started = time.monotonic()
        about: dict[str, object] = {"eventId": event.id, "subject": event.subject}
        try:
            found = upload.read(event, self.settings)
            about |= {"source": found.address.url, "eTag": found.etag, "job": job_name(found)}
            outcome = self._submit(found)
        except Ignored as reason:
            logs.write(logging.INFO, "ignored", about | {"reason": str(reason)})
        except Refused as reason:
            logs.write(logging.ERROR, "refused", about | {"reason": logs.mask(str(reason))})
        except Exception as error:
            expected = isinstance(error, AzureError | Retry)
            cause = str(error) if isinstance(error, Retry) else f"{type(error).__name__}: {error}"
            cause = logs.mask(" ".join(cause.split()))
            logs.write(logging.WARNING, "retry", about | {"reason": cause}, exc_info=not expected)
            raise Retry(cause) from None
        else:
            milliseconds = round((time.monotonic() - started) * 1000)
            logs.write(logging.INFO, outcome.value, about | {"milliseconds": milliseconds})

    def _submit(self, found: upload.Upload) -> Submitted:
        deadline = Deadline()
        if found.by_copy and self.lake.is_being_copied(found.address, deadline):
            raise Retry("the blob is still being copied")
        link = self.lake.read_link(found.address, deadline)
        return self.media.submit(job_name(found), link, found, deadline)
