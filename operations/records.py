"""The media service's records of uploads: their jobs and output assets, by Microsoft's client."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote

from operations.errors import OperationError, UsageError
from operations.outputs import StackOutputs

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from azure.core.credentials import TokenCredential

FINAL = frozenset({"Finished", "Error", "Canceled"})
STATES = ("Queued", "Scheduled", "Processing", "Finished", "Error", "Canceling", "Canceled")
ADDRESS_LENGTH = 260  # of the longest upload's address that an asset's alternateId holds


@dataclass(frozen=True)
class Record:
    """A job. `video` is the upload's name in its container, or the job's name if it has no upload in `uploads`."""

    name: str
    state: str
    progress: int
    video: str
    source: str
    etag: str
    asset: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    error: str


class Records:
    """A client of jobs and assets, as a context manager. Raises OperationError."""

    def __init__(self, outputs: StackOutputs, credential: "TokenCredential") -> None:
        from azure.mgmt.media import AzureMediaServices

        _, _, subscription, _, self._group, *_, self._account = outputs.media_account.split("/")
        self._transform = outputs.transform
        self._uploads = f"{outputs.upload_to}/"
        self._client = AzureMediaServices(
            credential,
            subscription,
            base_url=outputs.media_endpoint,
            credential_scopes=[f"{outputs.media_audience}/.default"],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def jobs(self, *, state: str = "", since: datetime | None = None) -> Iterator[Record]:
        """Yield jobs, the newest first."""
        conditions = []
        if state:
            conditions.append(f"properties/state eq Microsoft.Media.JobState'{state}'")
        if since:
            conditions.append(f"properties/created ge {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
        with failures("the media service"):
            found = self._client.jobs.list(
                self._group,
                self._account,
                self._transform,
                filter=" and ".join(conditions) or None,
                orderby="properties/created desc",
            )
            yield from (self._record(job) for job in found)

    def of_video(self, video: str) -> list[Record]:
        """Return all jobs of an upload's name, the newest first."""
        return [job for job in self.jobs() if job.video == video]

    def assets_of(self, video: str) -> list[str]:
        """Return the names of an upload's output assets, which outlive their jobs' records.

        The function does not record addresses that are longer than ADDRESS_LENGTH.
        """
        with failures("the media service"):
            found = self._client.assets.list(
                self._group, self._account, filter=f"properties/alternateId eq '{self.address(video)}'"
            )
            return [str(asset.name) for asset in found]

    def address(self, video: str) -> str:
        """Return an upload's address, percent-encoded as the function does it."""
        return self._uploads + quote(video, safe="/")

    def job(self, name: str) -> Record:
        """Return the job of this name. Raises UsageError if there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with failures("the media service"):
            try:
                return self._record(self._client.jobs.get(self._group, self._account, self._transform, name))
            except ResourceNotFoundError:
                raise UsageError(f"there is no job {name!r}; `jobs` lists those that there are") from None

    def cancel(self, name: str) -> None:
        with failures("the media service"):
            self._client.jobs.cancel_job(self._group, self._account, self._transform, name)

    def forget(self, job: Record) -> None:
        """Delete a job that has ended, and its output asset with its container."""
        self.delete_asset(job.asset)
        self.delete_job(job.name)

    def delete_job(self, name: str) -> None:
        """Delete the record of a job that has ended."""
        with failures("the media service"):
            self._client.jobs.delete(self._group, self._account, self._transform, name)

    def delete_asset(self, name: str) -> None:
        """Delete an asset with its container."""
        with failures("the media service"):
            self._client.assets.delete(self._group, self._account, name)

    def container_of(self, asset: str) -> str | None:
        """Return the blob container of an asset's files, or None if the asset is gone."""
        from azure.core.exceptions import ResourceNotFoundError

        with failures("the media service"):
            try:
                return str(self._client.assets.get(self._group, self._account, asset).container)
            except ResourceNotFoundError:
                return None

    def _record(self, job: Any) -> Record:
        correlation = job.correlation_data or {}
        source = str(correlation.get("source") or "")
        (output, *_) = job.outputs
        error = output.error
        return Record(
            name=job.name,
            state=str(job.state),
            progress=int(output.progress or 0),
            video=unquote(source.removeprefix(self._uploads)) if source.startswith(self._uploads) else job.name,
            source=source,
            etag=str(correlation.get("eTag") or ""),
            asset=output.asset_name,
            created=job.created,
            started=job.start_time,
            ended=job.end_time,
            error=f"{error.code}: {error.message}" if error else "",
        )


class failures:  # noqa: N801  # reads as a statement
    """Turn failures of Azure or the connection into an OperationError of one line about `what`."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

        if not isinstance(error, AzureError):
            return
        line = (error.message.splitlines() or [type(error).__name__])[0].strip()
        if isinstance(error, ClientAuthenticationError):
            line += " (log in by `az login`)"
        elif isinstance(error, HttpResponseError) and error.status_code == 403:
            line += " (docs/operate.md names the roles that are needed)"
        raise OperationError(f"{self._what}: {line}") from None
