"""`smoke`: sends a short video through a deployed stack, step by step, and names the part that fails."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from operations.errors import OperationError, UsageError
from operations.outputs import StackOutputs
from operations.records import FINAL, Record, Records, failures
from operations.result import fetch_result

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from azure.core.credentials import TokenCredential

_STORAGE = "https://storage.azure.com/.default"
_POLL_SECONDS = 1.0
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Patience:
    """Seconds for an upload's event to become a job, and for a job to end."""

    job: float = 300.0
    end: float = 1800.0


# First word of a step → advice for its failure.
_ADVICE = {
    "login": "log in by `az login`; AADSTS65001 and AADSTS50105 mean that you are in no group of `uploaders` or "
    "`reviewers`",
    "media": "without an app role, join a group of `uploaders` or `reviewers`; with `apiAudience` the application's "
    "administrator assigns it",
    "upload": "you need Storage Blob Data Contributor on the container (setting `uploaders`), and with privateNetwork "
    "a place in the network",
    "event": "see docs/troubleshooting.md, 'It is deployed, and nothing comes back'",
    "redaction": "see docs/operate.md, 'What a job's state means'",
    "result": "you need Storage Blob Data Reader on the results' account (settings `uploaders`, `reviewers`)",
}


def smoke(
    outputs: StackOutputs,
    credential: "TokenCredential",
    records: Records,
    video: Path,
    out: Path,
    *,
    report: Callable[[str], None] = print,
    patience: Patience = Patience(),
) -> list[Path]:
    """Upload `video`, follow its job and fetch the result's files into the folder `out`.

    The upload is removed afterwards. Its job and its result stay. Raises OperationError, which names the failed step.
    """
    if not video.is_file():
        raise UsageError(f"{video} is not a file; allowed: a short video")
    began = datetime.now(UTC)
    name = f"smoke-{began:%Y%m%d-%H%M%S}-{video.name}"
    with _step("login", report), failures("Entra ID"):
        credential.get_token(_STORAGE)
        credential.get_token(f"{outputs.media_audience}/.default")
    with _step(f"media service at {outputs.media_endpoint}", report):
        next(records.jobs(since=began), None)
    with _step(f"upload of {name} to {outputs.upload_to}", report), failures(outputs.upload_to):
        etag = _upload(outputs, credential, video, name)
    try:
        with _step("event and function: the upload becomes a job", report):
            job = _await_job(records, etag, began - _CLOCK_SKEW, patience.job)
        with _step(f"redaction: job {job.name} ends in Finished", report):
            _await_end(records, job, patience.end)
        with _step("result", report):
            paths = fetch_result(outputs, credential, records, name, out)
    finally:
        _remove(outputs, credential, name, report)
    report(f"{', '.join(str(path) for path in paths)}: the stack works")
    return paths


@contextmanager
def _step(title: str, report: Callable[[str], None]) -> Iterator[None]:
    """Report the duration of a step, or add its title and advice to its error."""
    began = time.monotonic()
    try:
        yield
    except OperationError as error:
        raise OperationError(f"failed: {title}: {error}; {_ADVICE[title.split(maxsplit=1)[0].rstrip(':')]}") from None
    report(f"ok, {time.monotonic() - began:5.1f} s: {title}")


def _upload(outputs: StackOutputs, credential: "TokenCredential", video: Path, name: str) -> str:
    """Return the new blob's eTag, without quotes."""
    from azure.storage.blob import ContainerClient

    with (
        ContainerClient.from_container_url(outputs.upload_to, credential) as container,
        video.open("rb") as content,
        container.upload_blob(name, content, length=video.stat().st_size) as blob,
    ):
        return str(blob.get_blob_properties().etag).strip('"')


def _await_job(records: Records, etag: str, since: datetime, seconds: float) -> Record:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if job := next((job for job in records.jobs(since=since) if job.etag == etag), None):
            return job
        time.sleep(_POLL_SECONDS)
    raise OperationError(f"no job came within {seconds:g} s")


def _await_end(records: Records, job: Record, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while job.state not in FINAL:
        if time.monotonic() > deadline:
            raise OperationError(f"it is {job.state} at {job.progress} % after {seconds:g} s")
        time.sleep(_POLL_SECONDS)
        job = records.job(job.name)
    if job.state != "Finished":
        raise OperationError(f"it ended in {job.state}{f' ({job.error})' if job.error else ''}")


def _remove(outputs: StackOutputs, credential: "TokenCredential", name: str, report: Callable[[str], None]) -> None:
    from azure.storage.blob import ContainerClient

    try:
        with ContainerClient.from_container_url(outputs.upload_to, credential) as container, failures("its removal"):
            container.delete_blob(name)
    except OperationError as error:
        report(f"{name} stays in {outputs.upload_to}: {error}")
