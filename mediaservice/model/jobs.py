"""A job: one input or a list of them, processed once for each of its transform's outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from mediaservice.model.errors import JobError
from mediaservice.model.file_names import FileNames
from mediaservice.model.transforms import Priority, TransformOutput


class JobState(StrEnum):
    QUEUED = "Queued"
    SCHEDULED = "Scheduled"
    PROCESSING = "Processing"
    FINISHED = "Finished"
    ERROR = "Error"
    CANCELING = "Canceling"
    CANCELED = "Canceled"

    @property
    def final(self) -> bool:
        return self in (JobState.FINISHED, JobState.ERROR, JobState.CANCELED)


@dataclass(frozen=True)
class HttpInput:
    """One file. `url` usually carries a SAS: it is never shown, and forgotten when the job ends."""

    url: str | None
    base_uri: str | None = None
    label: str | None = None
    lasting: bool = False  # its submitter may read the deployment's uploads at any time, and so may its job
    kind: Literal["http"] = "http"


@dataclass(frozen=True)
class AssetInput:
    """Files of an asset; which they are is written here when the work begins, if the client named none."""

    asset: str
    files: tuple[str, ...] = ()
    label: str | None = None
    kind: Literal["asset"] = "asset"


Input = HttpInput | AssetInput


@dataclass(frozen=True)
class JobOutput:
    asset: str
    label: str
    task: TransformOutput  # as the transform said when the job was submitted
    state: JobState = JobState.QUEUED
    progress: int = 0  # percent
    error: JobError | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True)
class Attempt:
    """Who works on a job. Only the holder may write; see mediaservice.store on how that is enforced."""

    number: int
    holder: str | None  # None: given back
    message: str  # id of the queue message that this attempt came from
    returned: int = 0  # how often a worker that had to stop gave the job back
    committing: FileNames = ()  # blobs of the current output that may have been committed, the main one last


@dataclass(frozen=True)
class Job:
    transform: str
    name: str
    instance: str  # a GUID; a deleted job's name may be used again
    created: datetime
    last_modified: datetime
    inputs: tuple[Input, ...]
    outputs: tuple[JobOutput, ...]
    state: JobState = JobState.QUEUED
    priority: Priority = Priority.NORMAL
    description: str | None = None
    correlation_data: Mapping[str, str] = field(default_factory=dict)
    start_time: datetime | None = None
    end_time: datetime | None = None
    attempt: Attempt | None = None
    listed: bool = False  # the client gave its inputs as JobInputs, even if that was but one

    def without_addresses(self) -> "Job":
        """What may be shown and kept: addresses carry signatures."""
        return replace(
            self, inputs=tuple(replace(each, url=None) if isinstance(each, HttpInput) else each for each in self.inputs)
        )
