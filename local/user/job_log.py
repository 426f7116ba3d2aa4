"""The state of jobs according to the media service's events, which come in any order and may come twice."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.events.topic import Notice, Stage
from local.user.media_client import Job, reason

KIND = "Microsoft.Media.Job"  # the prefix of all job event types
ENDED = ("Finished", "Errored", "Canceled")  # their suffixes when the job has ended


@dataclass(frozen=True)
class _Heard:
    job: Job
    at: float  # by the monotonic clock


class JobLog:
    """A listener of the jobs' topic, called from other threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, _Heard] = {}

    def __call__(self, notice: Notice) -> None:
        if notice.stage is not Stage.PUBLISHED:
            return
        name = notice.event["subject"].rpartition("/")[2]
        with self._lock:
            heard = self._heard.get(name)
            before = heard.job if heard else Job(name, "Queued", 0, "", None)
            self._heard[name] = _Heard(
                _after(before, notice.event["eventType"], notice.event["data"]), time.monotonic()
            )

    def last(self, name: str) -> Job | None:
        """Return the job as known from events: its progress and, once it has ended, everything."""
        with self._lock:
            heard = self._heard.get(name)
            return heard.job if heard else None

    def last_time(self, name: str) -> float:
        """Return the monotonic time of the job's last event."""
        with self._lock:
            heard = self._heard.get(name)
            return heard.at if heard else float("-inf")


def _after(job: Job, kind: str, data: Mapping[str, Any]) -> Job:
    if job.ended:
        return job
    if kind.removeprefix(KIND) in ENDED:
        return job_of(job.name, data)
    if kind == f"{KIND}OutputProgress":
        return replace(job, progress=max(job.progress, data["progress"]))
    return job


def job_of(name: str, data: Mapping[str, Any]) -> Job:
    """Return an ended job of one output, from the data of its last event."""
    (output,) = data["outputs"]
    error = reason(output["error"]) if data["state"] == "Error" else None
    return Job(name, data["state"], output["progress"], output["assetName"], error)
