"""Reconciliation: compares the lake with the media service's jobs and submits uploads without one.

Some writes raise no event that the subscription accepts: a flush without a close, an append blob. Other events are
lost when they cannot be delivered for a day. The same version of a blob always gives the same name of a job, so an
event that arrives at the same time does no harm. The rename of a directory is not found: its blobs raise no events and
keep their times of change.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from azure.core.exceptions import AzureError

from trigger import logs, upload
from trigger.address import BlobAddress
from trigger.lake import Blob, Lake
from trigger.media import MediaAccount
from trigger.names import job_name
from trigger.outcomes import Ignored, Refused
from trigger.progress import Progress, ProgressBlob
from trigger.settings import Settings
from trigger.submission import RECONCILIATION, End, Submission, managed_identity
from trigger.upload import Upload

MARGIN = timedelta(hours=1)  # compared again, since clocks differ and listings lag
REST = timedelta(minutes=5)  # without a change, after which an upload counts as complete
APPEND_REST = timedelta(hours=1)  # the same for append blobs, which a hierarchical namespace cannot seal
RECORDS = timedelta(days=89)  # the service keeps records of jobs for 90 days, and assets for ever
RUN_SECONDS = 480.0  # after which the rest is left to the next run; within host.json's functionTimeout
THREADS = 8


@dataclass(frozen=True)
class _Upload:
    """A blob of the lake with a video's name."""

    address: BlobAddress
    blob: Blob

    @property
    def job(self) -> str:
        return job_name(Upload(self.address, self.blob.etag, RECONCILIATION))


@dataclass(frozen=True)
class Reconciliation:
    """The comparison. The host runs one timer at a time, so runs do not overlap."""

    settings: Settings
    lake: Lake
    media: MediaAccount
    progress: ProgressBlob
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        credential = managed_identity(settings)
        return cls(
            settings,
            Lake(settings, credential),
            MediaAccount(settings, credential),
            ProgressBlob(settings.reconcile_state, credential),
        )

    def run(self) -> Counter[End]:
        """Compare, with a log line for each upload without a job and one for the whole. Raises AzureError.

        The next run repeats failed uploads, with all later changes.
        """
        started = time.monotonic()
        progress = self.progress.read(existing=self.settings.reconcile_existing)
        since = max(progress.through - MARGIN, progress.beginning)
        until = self.now() - REST
        recent = [each for each in self._videos() if since <= each.blob.changed <= until]
        resting: list[_Upload] = []
        unfinished: list[_Upload] = []
        for each in recent:
            (resting if self._is_whole(each.blob) else unfinished).append(each)
        missing = self._without_job(resting, since)
        ends = self._submit(missing, started + RUN_SECONDS)
        later = [each for each in unfinished if each.blob.size]
        later += [each for each, end in zip(missing, ends, strict=True) if end is End.RETRY]
        through = min([until, *(each.blob.changed for each in later)])
        self.progress.write(Progress(progress.beginning, max(through, progress.through)))
        counts = Counter(ends)
        line = {"looked": len(recent), "missing": len(missing), "later": len(later)}
        line |= {end.value: count for end, count in counts.items()}
        logs.write(logging.INFO, "reconciled", {**line, "seconds": round(time.monotonic() - started, 1)})
        return counts

    def _videos(self) -> Iterable[_Upload]:
        for blob in self.lake.uploads():
            try:
                address = BlobAddress.under(self.settings.lake_blob_endpoint, self.settings.upload_container, blob.name)
                upload.judge(address, self.settings)
            except (Ignored, Refused):
                continue
            yield _Upload(address, blob)

    def _is_whole(self, blob: Blob) -> bool:
        if not blob.size or blob.copying:
            return False
        return not blob.appendable or blob.changed <= self.now() - APPEND_REST

    def _without_job(self, uploads: list[_Upload], since: datetime) -> list[_Upload]:
        """Return uploads without a job, the oldest first."""
        jobs = self.media.jobs_since(since) if uploads else set()
        return sorted((each for each in uploads if each.job not in jobs), key=lambda each: each.blob.changed)

    def _submit(self, missing: list[_Upload], deadline: float) -> list[End]:
        submission = Submission(self.settings, self.lake, self.media)
        oldest_record = self.now() - RECORDS

        def submit(each: _Upload) -> End:
            if time.monotonic() > deadline:
                return End.RETRY
            try:
                if each.blob.changed < oldest_record and self.media.has_asset(each.job):
                    return End.DUPLICATE
            except AzureError:
                return End.RETRY
            return submission.reconcile(each.address)

        with ThreadPoolExecutor(THREADS) as threads:
            return list(threads.map(submit, missing))
