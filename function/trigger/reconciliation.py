"""Reconciliation: compares the lake with the media service's jobs and submits uploads without one.

Some writes raise no event that the subscription accepts: a flush without a close, an append blob. Other events are
lost when they cannot be delivered for a day. The same version of a blob always gives the same name of a job, so an
event that arrives at the same time does no harm.

The lake is compared page by page. A run that has no time left, or is stopped, leaves the rest to the next one.
"""

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from azure.core.exceptions import AzureError, HttpResponseError

from trigger import logs, upload
from trigger.address import BlobAddress
from trigger.lake import Blob, Lake
from trigger.media import MediaAccount
from trigger.names import job_name
from trigger.outcomes import Ignored, Refused, Retry
from trigger.progress import EVER, Progress, ProgressStore, RenamedFolder, Scan
from trigger.renames import Renames, needless
from trigger.settings import Settings
from trigger.submission import RECONCILIATION, End, Submission, managed_identity
from trigger.upload import Upload

MARGIN = timedelta(hours=1)  # compared again, since clocks differ and listings lag
REST = timedelta(minutes=5)  # without a change, after which an upload counts as complete
APPEND_REST = timedelta(hours=1)  # the same for append blobs, which a hierarchical namespace cannot seal
RECORDS = timedelta(days=89)  # the service keeps records of jobs for 90 days, and assets for ever
RUN_SECONDS = 480.0  # after which the rest is left to the next run; within host.json's functionTimeout
THREADS = 8
SETTLED = frozenset({"Finished", "Canceled"})  # a job under the former name that needs no other
WORKING = frozenset({"Queued", "Scheduled", "Processing", "Canceling"})


@dataclass(frozen=True)
class _Upload:
    """A blob of the lake with a video's name. `former` are its addresses before folders were renamed."""

    address: BlobAddress
    blob: Blob
    former: tuple[BlobAddress, ...] = ()

    @property
    def job(self) -> str:
        return job_name(Upload(self.address, self.blob.etag, RECONCILIATION))

    @property
    def former_jobs(self) -> list[str]:
        return [job_name(Upload(former, self.blob.etag, RECONCILIATION)) for former in self.former]


@dataclass
class _Run:
    """Results of one run, and its end."""

    deadline: float
    ends: Counter[End] = field(default_factory=Counter)
    looked: int = 0
    missing: int = 0
    later: int = 0

    @property
    def over(self) -> bool:
        return time.monotonic() > self.deadline


@dataclass(frozen=True)
class _Compared:
    """A page's outcome. If the run's end `cut` it, it is compared again, else only what was changed since `left`."""

    cut: bool
    left: datetime | None


@dataclass(frozen=True)
class Reconciliation:
    """The comparison. The host runs one timer at a time, so runs do not overlap."""

    settings: Settings
    lake: Lake
    media: MediaAccount
    progress: ProgressStore
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        credential = managed_identity(settings)
        return cls(
            settings,
            Lake(settings, credential),
            MediaAccount(settings, credential),
            ProgressStore(settings.reconcile_state, credential),
        )

    def run(self) -> Counter[End]:
        """Compare, with a log line for each upload without a job and one for the whole. Raises AzureError.

        The next run repeats failed uploads, with all later changes. An error in a folder stops no other.
        """
        started = time.monotonic()
        run = _Run(started + RUN_SECONDS)
        folders = list(self.progress.folders())
        renames = Renames(folders)
        ended = self._compare_changed(run, renames)
        failed: AzureError | None = None
        for folder in folders:
            try:
                ended &= folder.compared or self._compare_folder(run, folder, renames)
            except AzureError as error:
                logs.write(logging.WARNING, "retry", {"folder": folder.path, "reason": " ".join(str(error).split())})
                failed = failed or error
        if folders:
            self._forget_folders()
        if failed:
            raise failed
        line = {"looked": run.looked, "missing": run.missing, "later": run.later, "ended": ended}
        line |= {end.value: count for end, count in run.ends.items()}
        logs.write(logging.INFO, "reconciled", {**line, "seconds": round(time.monotonic() - started, 1)})
        return run.ends

    def _compare_changed(self, run: _Run, renames: Renames) -> bool:
        """Compare the uploads changed since the last comparison. Return True if it has come to its end."""
        progress = self.progress.read(existing=self.settings.reconcile_existing)
        scan = progress.scan or Scan(max(progress.through - MARGIN, progress.beginning), self.now() - REST)
        while True:
            page, marker = self._page(scan.marker)
            compared = self._compare(run, self._videos(page, renames), scan)
            if compared.cut:
                return False
            scan = replace(scan, marker=marker, left=_earlier(scan.left, compared.left))
            if marker is None:
                through = max(_earlier(scan.until, scan.left) or scan.until, progress.through)
                self.progress.write(Progress(progress.beginning, through))
                return True
            self.progress.write(replace(progress, scan=scan))
            if run.over:
                return False

    def _page(self, marker: str | None, folder: str = "") -> tuple[list[Blob], str | None]:
        """Return the page at `marker` and the next one's marker; the first page if storage refuses this one."""
        try:
            return self.lake.page(marker, folder)
        except HttpResponseError as error:
            if not marker or error.status_code != 400:
                raise
            logs.write(logging.WARNING, "listed anew", {"reason": f"storage refuses the marker {marker}"})
            return self.lake.page(None, folder)

    def _compare_folder(self, run: _Run, folder: RenamedFolder, renames: Renames) -> bool:
        """Compare all uploads of a renamed folder, which keep their times of change. Return True if none is left."""
        scan = Scan(EVER, self.now() - REST)  # later changes are among those that are compared anyway
        held: RenamedFolder | None = folder
        while held and not run.over:
            page, marker = self._page(held.marker, held.path)
            compared = self._compare(run, self._videos(page, renames), scan)
            if compared.cut:
                return False
            again = held.again or compared.left is not None
            if marker is None and not again:
                return self.progress.advance(held, None, compared=True) is not None
            held = self.progress.advance(held, marker, again=again and marker is not None)
            if marker is None:
                return False
        return False

    def _forget_folders(self) -> None:
        """Forget compared folders, but for those that still lead to former names of videos to be compared."""
        kept = list(self.progress.folders())  # with those that were noted during this run
        beginning = self.progress.read(existing=self.settings.reconcile_existing).through - MARGIN
        done = [folder for folder in kept if folder.compared and folder.noted < beginning]
        for folder in needless(done, [each for each in kept if each not in done]):
            self.progress.forget(folder)

    def _videos(self, page: Iterable[Blob], renames: Renames) -> Iterable[_Upload]:
        for blob in page:
            try:
                here = self._address(blob.name)
                upload.judge(here, self.settings)
            except (Ignored, Refused):
                continue
            former = []
            for name in renames.former(blob.name):
                with contextlib.suppress(Refused):
                    former.append(self._address(name))
            yield _Upload(here, blob, tuple(former))

    def _address(self, name: str) -> BlobAddress:
        return BlobAddress.under(self.settings.lake_blob_endpoint, self.settings.upload_container, name)

    def _compare(self, run: _Run, uploads: Iterable[_Upload], scan: Scan) -> _Compared:
        recent = [each for each in uploads if scan.since <= each.blob.changed <= scan.until]
        whole: list[_Upload] = []
        unfinished: list[_Upload] = []
        for each in recent:
            (whole if self._is_whole(each.blob) else unfinished).append(each)
        whole.sort(key=lambda each: each.blob.changed)
        ends, cut = self._submit(run, whole)
        later = [each for each in unfinished if each.blob.size]
        later += [each for each, end in zip(whole, ends, strict=True) if end is End.RETRY]
        missing = Counter(end for end in ends if end)
        run.ends += missing
        run.looked += len(recent)
        run.missing += missing.total()
        run.later += len(later)
        return _Compared(cut, min((each.blob.changed for each in later), default=None))

    def _is_whole(self, blob: Blob) -> bool:
        if not blob.size or blob.copying:
            return False
        return not blob.appendable or blob.changed <= self.now() - APPEND_REST

    def _submit(self, run: _Run, uploads: list[_Upload]) -> tuple[list[End | None], bool]:
        """Submit uploads without a job. Return the outcome of each, None for a known one, and if the time was over."""
        submission = Submission(self.settings, self.lake, self.media, self.progress)
        cut = False

        def submit(each: _Upload) -> End | None:
            nonlocal cut
            if run.over:
                cut = True
                return End.RETRY
            try:
                if self._is_known(each):
                    return None
            except (AzureError, Retry) as error:
                about = {"source": each.address.url, "job": each.job}
                logs.write(logging.WARNING, "retry", {**about, "reason": " ".join(str(error).split())})
                return End.RETRY
            return submission.reconcile(each.address)

        with ThreadPoolExecutor(THREADS) as threads:
            return list(threads.map(submit, uploads)), cut

    def _is_known(self, each: _Upload) -> bool:
        """Return True if the upload has a job, or had one whose record is over. Raises AzureError and Retry."""
        if self._was_known(each.job, each.blob) or self.media.job_state(each.job) is not None:
            return True
        for former in each.former_jobs:
            state = self.media.job_state(former)
            if state in WORKING:  # it may still fail, since the upload is not where it was
                raise Retry(f"its job under the former name, {former}, is {state}")
            if state in SETTLED or self._was_known(former, each.blob):
                return True
        return False

    def _was_known(self, job: str, blob: Blob) -> bool:
        return blob.changed < self.now() - RECORDS and self.media.has_asset(job)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each), default=None)
