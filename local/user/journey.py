"""One video's way through the cloud, followed from outside: the upload's event, the job, the result."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from azure.storage.blob import BlobClient, ContentSettings

from local.events.topic import Notice
from local.events.topic import Stage as EventStage
from local.user.job_log import JobLog
from local.user.media_client import Job, MediaClient, Result

QUIET_SECONDS = 3.0  # without an event of a job; then the media service is asked
ASKING_SECONDS = 1.0  # between two such requests


class Stage(StrEnum):
    """The stages of a video, in order."""

    UPLOADED = "uploaded"
    DELIVERED = "event delivered"
    QUEUED = "job queued"
    PROCESSED = "processing"
    DOWNLOADED = "downloaded"


class JourneyError(Exception):
    """A video was not redacted. The message is one line with the reason."""


class EventLog:
    """The notices about each upload's event, by eTag. Topics call it from their own threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, Notice] = {}

    def __call__(self, notice: Notice) -> None:
        with self._lock:
            etag = notice.event["data"]["eTag"]
            before = self._last.get(etag)
            if before is None or before.stage in {EventStage.PUBLISHED, EventStage.RETRYING}:
                self._last[etag] = notice

    def last(self, etag: str) -> Notice | None:
        """Return the latest notice about an upload's event."""
        with self._lock:
            return self._last.get(etag)


@dataclass
class Journey:
    """A video in progress. Call `advance`, which may raise JourneyError, until `result` is set.

    `jobs` collects the media service's events; without it, each call requests the job. `seconds` holds the duration
    of each stage. `note` names the cause of an unusual wait.
    """

    video: Path
    client: MediaClient
    events: EventLog
    out: Path
    jobs: JobLog | None = None
    stage: Stage | None = None
    percent: float = 0.0
    note: str = ""
    result: Result | None = None
    seconds: dict[Stage, float] = field(default_factory=dict)
    _etag: str = ""
    _job: str = ""
    _asset: str = ""
    _asked: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def upload(self, blob: BlobClient, on_percent: Callable[[float], None]) -> None:
        """Upload the video to the lake."""
        self._began = time.monotonic()
        size = self.video.stat().st_size
        with self.video.open("rb") as content:
            stored = blob.upload_blob(
                content,
                length=size,
                overwrite=True,
                content_settings=ContentSettings(content_type="video/mp4"),
                progress_hook=lambda done, _: on_percent(100 * done / max(1, size)),
            )
        self._etag = stored["etag"].strip('"')
        self._reach(Stage.UPLOADED)

    def advance(self) -> None:
        """Check once for the next stage, and record it."""
        match self.stage:
            case Stage.UPLOADED:
                self._look_for_event()
            case Stage.DELIVERED:
                job = self.client.find_job(self._etag)
                if job:
                    self._job = job.name
                    self._reach(Stage.QUEUED)
            case Stage.QUEUED:
                self._look_at_job()
            case Stage.PROCESSED:
                self.result = self.client.download(self._asset, self.out)
                self._reach(Stage.DOWNLOADED)

    def _look_for_event(self) -> None:
        notice = self.events.last(self._etag)
        match notice.stage if notice else None:
            case EventStage.DELIVERED:
                self._reach(Stage.DELIVERED)
            case EventStage.RETRYING if notice:
                self.note = f"delivery failed, next try at {notice.next_attempt:%H:%M:%S} UTC: {notice.detail}"
            case EventStage.FILTERED_OUT:
                raise JourneyError(f"{self.video.name}: no subscription of the stack wants it")
            case EventStage.DEAD_LETTERED | EventStage.DROPPED | EventStage.DEAD_LETTERING_FAILED if notice:
                raise JourneyError(f"{self.video.name}: its event could not be delivered: {notice.detail}")

    def _look_at_job(self) -> None:
        job = self._job_as_known()
        if job is None:
            return
        self.percent = max(self.percent, job.progress)
        if job.state in {"Error", "Canceled"}:
            raise JourneyError(f"{self.video.name}: the job ended in {job.state}: {job.error or 'canceled'}")
        if job.state == "Finished":
            self._asset = job.asset
            self._reach(Stage.PROCESSED)

    def _job_as_known(self) -> Job | None:
        now = time.monotonic()
        if self.jobs:
            heard = self.jobs.last(self._job)
            quiet = now - max(self._began, self.jobs.last_time(self._job))
            if (heard and heard.ended) or quiet < QUIET_SECONDS or now - self._asked < ASKING_SECONDS:
                return heard
        self._asked = now
        return self.client.job(self._job)

    def _reach(self, stage: Stage) -> None:
        now = time.monotonic()
        self.stage, self.note = stage, ""
        self.seconds[stage] = now - self._began
        self._began = now


@contextmanager
def closing(client: MediaClient) -> Iterator[MediaClient]:
    """Close the client at the end of the `with`."""
    try:
        yield client
    finally:
        client.close()
