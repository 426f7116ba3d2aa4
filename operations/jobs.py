"""The commands `jobs`, `job`, `cancel`, `retry` and `queue`."""

import re
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from operations.errors import OperationError, UsageError
from operations.outputs import StackOutputs
from operations.records import FINAL, STATES, Record, Records, failures

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from azure.core.credentials import TokenCredential

_SPAN = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def state_of(text: str) -> str:
    """Return a state in the service's spelling. Case does not matter. Raises UsageError."""
    for state in STATES:
        if text.lower() == state.lower():
            return state
    if text:
        raise UsageError(f"--state is {text!r}; allowed: {', '.join(STATES)}")
    return ""


def time_of(text: str, now: datetime) -> datetime | None:
    """Parse a time, or an age such as 90m, 24h or 7d. Raises UsageError."""
    if not text:
        return None
    if span := _SPAN.fullmatch(text):
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--since is {text!r}; allowed: a time such as 2026-11-26T10:00, or one so long ago, such as 24h"
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def list_jobs(records: Records, *, state: str, source: str, since: datetime | None, most: int) -> list[Record]:
    """Return at most that many jobs, the newest first. `source` is a part of the upload's name."""
    wanted = (job for job in records.jobs(state=state, since=since) if source.lower() in job.video.lower())
    return list(islice(wanted, most))


def describe(outputs: StackOutputs, credential: "TokenCredential", records: Records, name: str) -> dict[str, str]:
    """Return all details of one job, with the files of its result, if any."""
    job = records.job(name)
    about = {
        "job": job.name,
        "state": job.state if job.state in FINAL else f"{job.state}, {job.progress} %",
        "video": job.video,
        "source": job.source,
        "eTag": job.etag,
        "created": _shown(job.created),
        "started": _shown(job.started),
        "ended": _shown(job.ended),
        "error": job.error,
        "asset": job.asset,
    }
    if job.state == "Finished":
        container = records.container_of(job.asset)
        about["result"] = "deleted" if container is None else _files(outputs, credential, container)
    return {key: value for key, value in about.items() if value}


def retry(outputs: StackOutputs, credential: "TokenCredential", records: Records, name: str) -> str:
    """Raise the event of a failed or canceled job's upload again, which submits a new job. Return the video's name.

    Raises UsageError for a job that is not over or has succeeded, and OperationError if the upload is gone.
    """
    from azure.storage.blob import ContainerClient

    from operations.replay import raise_event

    job = records.job(name)
    if job.state not in {"Error", "Canceled"}:
        raise UsageError(f"job {name} is {job.state}; allowed: one that ended in Error or was canceled")
    if not job.source.startswith(f"{outputs.upload_to}/"):
        raise UsageError(f"job {name} is of no upload to {outputs.upload_to}; its client must submit it again")
    with (
        ContainerClient.from_container_url(outputs.upload_to, credential) as uploads,
        uploads.get_blob_client(job.video) as blob,
        failures(job.video),
    ):
        raise_event(blob, f"retry-{uuid.uuid4()}")
    return job.video


def summarize(records: Records, now: datetime) -> dict[str, str]:
    """Return the numbers of waiting, running and recently ended jobs, and the longest wait."""
    waiting = list(records.jobs(state="Queued"))
    running = list(records.jobs(state="Processing"))
    ended = Counter(job.state for job in records.jobs(since=now - timedelta(days=1)) if job.state in FINAL)
    oldest = min((job.created for job in waiting), default=None)
    return {
        "waiting": str(len(waiting)),
        "the oldest since": _shown(oldest) or "none waits",
        "processing": str(len(running)),
        **{f"{state}, submitted within a day": str(ended[state]) for state in ("Finished", "Error", "Canceled")},
    }


def _files(outputs: StackOutputs, credential: "TokenCredential", container: str) -> str:
    from azure.storage.blob import ContainerClient

    url = f"{outputs.results_in}/{container}"
    try:
        with ContainerClient.from_container_url(url, credential) as blobs, failures(url):
            return "\n".join(f"{url}/{blob.name}  {blob.size:,} bytes" for blob in blobs.list_blobs())
    except OperationError as error:  # the rest is useful all the same
        return str(error)


def _shown(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else ""
