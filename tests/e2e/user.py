"""A user of the cloud: uploads videos, reads jobs with Microsoft's SDK, downloads results."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from azure.mgmt.media import AzureMediaServices, models
from azure.storage.blob import BlobServiceClient

from local.cloud import Cloud, Options
from local.events.topic import Notice, Stage
from local.graph.outputs import SUBSCRIPTION_ID

WITHIN_SECONDS = 240.0  # far more than any step takes, even on a busy machine
POLL_SECONDS = 0.05
FINAL = {"Finished", "Error", "Canceled"}


def until[T](condition: Callable[[], T | None], within: float = WITHIN_SECONDS) -> T:
    """Wait until `condition` holds, and return its result. Fails if it does not in time."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(POLL_SECONDS)
    return value


@dataclass(frozen=True)
class Job:
    """A job with its one output, as the SDK shows it. The error's three fields are empty unless it has one."""

    name: str
    etag: str
    state: str
    progress: int
    asset: str
    modified: datetime
    code: str
    category: str
    message: str

    @classmethod
    def shown(cls, job: models.Job) -> "Job":
        (output,) = job.outputs or []
        assert isinstance(output, models.JobOutputAsset)
        assert job.last_modified
        error = output.error
        return cls(
            name=str(job.name),
            etag=(job.correlation_data or {}).get("eTag", ""),
            state=str(job.state),
            progress=output.progress or 0,
            asset=output.asset_name,
            modified=job.last_modified,
            code=str(error.code) if error else "",
            category=str(error.category) if error else "",
            message=str(error.message) if error else "",
        )


class Events:
    """The notices about each event of a topic, which calls it from its own threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notices: list[Notice] = []

    def __call__(self, notice: Notice) -> None:
        with self._lock:
            self._notices.append(notice)

    def all(self) -> list[Notice]:
        with self._lock:
            return list(self._notices)

    def of(self, etag: str, stage: Stage) -> list[Notice]:
        return [each for each in self.all() if each.stage is stage and each.event["data"]["eTag"] == etag]


class User:
    """A client with the rights of the person at the keyboard. ETags, without quotes, identify uploads.

    `events` are those of uploads, `job_events` those of jobs.
    """

    def __init__(self, cloud: Cloud, events: Events, job_events: Events, media: AzureMediaServices) -> None:
        self.cloud, self.events, self.job_events = cloud, events, job_events
        self._media = media
        self._group, self._account = cloud.media.resource_group, cloud.media.account
        self._transform = str(cloud.graph.exports["transform"])

    def upload(self, name: str, content: bytes, *, container: str | None = None, block: int | None = None) -> str:
        """Upload in one put, or in blocks of `block` bytes and their list. Return the eTag."""
        account, _, uploads = self.cloud.graph.exports["uploadTo"].rpartition("/")
        most = block or len(content) + 1
        with BlobServiceClient(
            account, credential=self.cloud.entra.credential(), max_single_put_size=most, max_block_size=most
        ) as lake:
            stored = lake.get_blob_client(container or uploads, name).upload_blob(content, overwrite=True)
        return str(stored["etag"]).strip('"')

    def make_container(self, name: str) -> None:
        """Create a container besides the one for uploads."""
        account = self.cloud.graph.exports["uploadTo"].rpartition("/")[0]
        with BlobServiceClient(account, credential=self.cloud.entra.credential()) as lake:
            lake.create_container(name)

    def jobs(self) -> list[Job]:
        return [Job.shown(job) for job in self._media.jobs.list(self._group, self._account, self._transform)]

    def jobs_of(self, etag: str) -> list[Job]:
        return [job for job in self.jobs() if job.etag == etag]

    def submit_as(self, client_id: str, name: str, link: str, etag: str) -> None:
        """Submit a job on an https address as a managed identity."""
        with AzureMediaServices(
            self.cloud.entra.credential(client_id),
            SUBSCRIPTION_ID,
            base_url=self.cloud.media_url,
            credential_scopes=[f"{self.cloud.media.audience}/.default"],
        ) as media:
            job = models.Job(
                input=models.JobInputHttp(files=[link]),
                outputs=[models.JobOutputAsset(asset_name=name)],
                correlation_data={"source": link.partition("?")[0], "eTag": etag},
            )
            media.assets.create_or_update(self._group, self._account, name, models.Asset())
            media.jobs.create(self._group, self._account, self._transform, name, job)

    def ended(self, etag: str) -> Job:
        """Return the only job of an upload, once it is over."""
        (job,) = until(lambda: self.jobs_of(etag))

        def look() -> Job | None:
            found = Job.shown(self._media.jobs.get(self._group, self._account, self._transform, job.name))
            return found if found.state in FINAL else None

        return until(look)

    def delivered(self, etag: str) -> Notice:
        return until(lambda: self.events.of(etag, Stage.DELIVERED))[0]

    def results(self, job: Job) -> dict[str, str]:
        """Return the blobs in the output asset's container, with their eTags."""
        with self._results() as results, results.get_container_client(self._container(job)) as container:
            return {blob.name: str(blob.etag) for blob in container.list_blobs()}

    def fetch(self, job: Job, folder: Path) -> Path:
        """Download its one result."""
        (name,) = self.results(job)
        path = folder / name
        with self._results() as results, results.get_blob_client(self._container(job), name) as blob:
            path.write_bytes(blob.download_blob().readall())
        return path

    def _results(self) -> BlobServiceClient:
        return BlobServiceClient(self.cloud.graph.exports["resultsIn"], credential=self.cloud.entra.credential())

    def _container(self, job: Job) -> str:
        return str(self._media.assets.get(self._group, self._account, job.asset).container)


@contextmanager
def using(options: Options) -> Iterator[User]:
    """Run a cloud and return a user of it."""
    events, job_events = Events(), Events()
    with (
        Cloud(options, on_event=events, on_job_event=job_events) as cloud,
        AzureMediaServices(
            cloud.entra.credential(),
            SUBSCRIPTION_ID,
            base_url=cloud.media_url,
            credential_scopes=[f"{cloud.media.audience}/.default"],
        ) as media,
    ):
        yield User(cloud, events, job_events, media)
