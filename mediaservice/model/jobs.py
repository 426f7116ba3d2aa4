"""A job: one or more inputs, processed once for each output of its transform."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from mediaservice.model.authorship import Authorship
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
    """One file. `url` usually carries a SAS. It is never shown, and removed when the job ends."""

    url: str | None
    base_uri: str | None = None
    label: str | None = None
    lasting: bool = False  # its submitter may always read the deployment's uploads, and so may the job
    kind: Literal["http"] = "http"


@dataclass(frozen=True)
class AssetInput:
    """Files of an asset. If the client named none, they are written here when the work begins."""

    asset: str
    files: tuple[str, ...] = ()
    label: str | None = None
    kind: Literal["asset"] = "asset"
    given: tuple[str, ...] | None = None  # what the client named of `files`, if that was not all


Input = HttpInput | AssetInput


@dataclass(frozen=True)
class JobOutput:
    asset: str
    label: str
    task: TransformOutput  # the transform's value at the submission
    state: JobState = JobState.QUEUED
    progress: int = 0  # percent
    error: JobError | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True)
class Attempt:
    """The worker that holds a job. Only the holder may write; docs/architecture.md describes how."""

    number: int
    holder: str | None  # None: given back
    message: str  # id of the queue message that started this attempt
    returned: int = 0  # the number of times that a stopping worker has given the job back
    committing: FileNames = ()  # blobs of the current output that may be committed, the main one last


@dataclass(frozen=True)
class Job:
    transform: str
    name: str
    instance: str  # a GUID, since the name of a deleted job may be used again
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
    listed: bool = False  # the client gave its inputs as JobInputs, even if there is only one
    authorship: Authorship | None = None  # None: unknown

    def without_addresses(self) -> "Job":
        """Return the job without its inputs' addresses, which carry signatures."""
        return replace(
            self, inputs=tuple(replace(each, url=None) if isinstance(each, HttpInput) else each for each in self.inputs)
        )
