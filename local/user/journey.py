"""One video's way through the cloud, watched from outside: the upload's event, the job, the result."""

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

QUIET_SECONDS = 3.0  # without any event of a job, after which the media service is asked itself
ASKING_SECONDS = 1.0  # from one time to the next


class Stage(StrEnum):
    """What has happened to a video, in the order in which it does."""

    UPLOADED = "uploaded"
    DELIVERED = "event delivered"
    QUEUED = "job queued"
    PROCESSED = "processing"
    DOWNLOADED = "downloaded"


class JourneyError(Exception):
    """A video that did not come back; one line that says why."""


class EventLog:
    """What became of each upload's event, by eTag. Topics tell it from their own threads."""

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
        """The latest notice of an upload's event."""
        with self._lock:
            return self._last.get(etag)


@dataclass
class Journey:
    """A video under way. `advance` is called again and again until `result` is there; it raises JourneyError.

    `jobs` hears the media service's events; without it the job is asked for each time.
    `seconds` holds what each stage took; `note` says what is being waited for, if anything is unusual.
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
        """Put the video into the lake."""
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
        """Look once at what is next, and take note of it."""
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
