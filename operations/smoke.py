"""A smoke test: sends one short video through a deployed stack, and reports the step that fails."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from operations.errors import OperationError, UsageError
from operations.media_account import Job, MediaAccount
from operations.outputs import StackOutputs

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from azure.core.credentials import TokenCredential

_STORAGE = "https://storage.azure.com/.default"
_POLL_SECONDS = 1.0
_CLOCK_SKEW = timedelta(minutes=5)


class SmokeError(OperationError):
    """A step has failed. The message is one line with the step, the failure and the place to look at."""


@dataclass(frozen=True)
class Patience:
    """The seconds to wait for an upload's job, and for a job's end."""

    job: float = 300.0
    end: float = 1800.0


def smoke(
    outputs: StackOutputs,
    credential: "TokenCredential",
    video: Path,
    out: Path,
    *,
    say: Callable[[str], None] = print,
    patience: Patience = Patience(),
) -> Path:
    """Upload `video`, follow its job and download the result into the folder `out`. Return its path.

    The upload is removed afterwards. Its job and its result stay, as those of any upload. Raises SmokeError.
    """
    if not video.is_file():
        raise UsageError(f"{video} is not a file; allowed: a short video")
    began = datetime.now(UTC)
    name = f"smoke-{began:%Y%m%d-%H%M%S}-{video.name}"
    with MediaAccount(outputs, credential) as account:
        with _step("sign in", say):
            credential.get_token(_STORAGE)
            credential.get_token(f"{outputs.media_audience}/.default")
        with _step(f"media service at {outputs.media_endpoint}", say):
            account.check()
        with _step(f"upload {name} to {outputs.upload_to}", say):
            etag = _upload(outputs, credential, video, name)
        try:
            with _step("event and function: the upload becomes a job", say):
                job = _await_job(account, etag, began - _CLOCK_SKEW, patience.job)
            with _step(f"redaction: job {job.name} ends in Finished", say):
                job = _await_end(account, job, patience.end)
            with _step("result: fetch it", say):
                path = _fetch(outputs, credential, account.container_of(job.asset), out)
        finally:
            _remove(outputs, credential, name, say)
    say(f"{path}: the stack works")
    return path


_ADVICE = {
    "sign in": "log in by `az login`; AADSTS65001 and AADSTS50105 mean that you are in no group of `uploaders` or "
    "`reviewers`",
    "media service": "403 means that you have neither of its app roles (settings `uploaders` and `reviewers`, or with "
    "`apiAudience` an assignment by the application's administrator)",
    "upload": "you need Storage Blob Data Contributor on the container (setting `uploaders`), and with privateNetwork "
    "a place in the network",
    "event": "look at docs/troubleshooting.md, 'It is deployed, and nothing comes back'",
    "redaction": "look at docs/operate.md, 'What a job's state means'",
    "result": "you need Storage Blob Data Reader on the results' account (settings `uploaders`, `reviewers`)",
}


@contextmanager
def _step(title: str, say: Callable[[str], None]) -> Iterator[None]:
    """Print the duration of a step, or raise SmokeError with its failure."""
    import httpx
    from azure.core.exceptions import AzureError

    began = time.monotonic()
    try:
        yield
    except (AzureError, httpx.HTTPError, SmokeError) as error:
        advice = next(text for word, text in _ADVICE.items() if title.startswith(word))
        raise SmokeError(f"failed: {title}: {_one_line(error)}; {advice}") from None
    say(f"ok, {time.monotonic() - began:5.1f} s: {title}")


def _one_line(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        try:
            said = error.response.json()["error"]["message"]
        except (ValueError, KeyError, TypeError):
            said = error.response.reason_phrase
        return f"{error.response.status_code} {said}"
    lines = str(getattr(error, "message", "") or error).splitlines()
    return lines[0].strip() if lines else type(error).__name__


def _upload(outputs: StackOutputs, credential: "TokenCredential", video: Path, name: str) -> str:
    """Upload a blob and return its eTag, without quotes."""
    from azure.storage.blob import ContainerClient

    with (
        ContainerClient.from_container_url(outputs.upload_to, credential) as container,
        video.open("rb") as content,
    ):
        blob = container.upload_blob(name, content, length=video.stat().st_size)
        return str(blob.get_blob_properties().etag).strip('"')


def _await_job(account: MediaAccount, etag: str, since: datetime, seconds: float) -> Job:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if job := account.job_of(etag, since):
            return job
        time.sleep(_POLL_SECONDS)
    raise SmokeError(f"no job came within {seconds:g} s")


def _await_end(account: MediaAccount, job: Job, seconds: float) -> Job:
    deadline = time.monotonic() + seconds
    while job.state not in {"Finished", "Error", "Canceled"}:
        if time.monotonic() > deadline:
            raise SmokeError(f"it is {job.state} at {job.progress} % after {seconds:g} s")
        time.sleep(_POLL_SECONDS)
        job = account.job(job.name)
    if job.state != "Finished":
        raise SmokeError(f"it ended in {job.state}{f' ({job.error})' if job.error else ''}")
    return job


def _fetch(outputs: StackOutputs, credential: "TokenCredential", container: str, out: Path) -> Path:
    """Download the asset's one video, completely or not at all."""
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient(outputs.results_in, credential) as service:
        blobs = service.get_container_client(container)
        names = [name for name in blobs.list_blob_names() if name.endswith(".mp4")]
        if len(names) != 1:
            raise SmokeError(f"{container} holds {len(names)} videos")
        out.mkdir(parents=True, exist_ok=True)
        path = out / names[0]
        unfinished = path.with_name(f".{path.name}.partial")
        try:
            with unfinished.open("wb") as file:
                blobs.download_blob(names[0]).readinto(file)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return path


def _remove(outputs: StackOutputs, credential: "TokenCredential", name: str, say: Callable[[str], None]) -> None:
    from azure.core.exceptions import AzureError
    from azure.storage.blob import ContainerClient

    try:
        with ContainerClient.from_container_url(outputs.upload_to, credential) as container:
            container.delete_blob(name)
    except AzureError as error:
        say(f"{name} stays in {outputs.upload_to}: {_one_line(error)}")
