"""The events that a change of a job causes, in the contract's shape.

Source: Azure Media Services events as Event Grid sources, Microsoft Learn.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediaservice.model.jobs import Job, JobOutput, JobState

PROGRESS_STEP = 5  # percent
PROGRESS_SECONDS = 30  # the interval of an output's progress events, with or without progress
NAMED = {
    JobState.SCHEDULED: "Scheduled",
    JobState.PROCESSING: "Processing",
    JobState.CANCELING: "Canceling",
    JobState.FINISHED: "Finished",
    JobState.CANCELED: "Canceled",
    JobState.ERROR: "Errored",
}

CORRELATION = frozenset({"correlationData", "jobCorrelationData"})  # every event has one of these types


@dataclass(frozen=True)
class Event:
    id: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]


def events_of(former: Job, job: Job) -> tuple[Event, ...]:
    """Return the events of a change, in the order in which they happened."""
    return tuple(
        Event(
            id=str(uuid.uuid4()),
            type=f"Microsoft.Media.{kind}",
            subject=f"transforms/{job.transform}/jobs/{job.name}",
            time=job.last_modified,
            data=data,
        )
        for kind, data in _changes(former, job)
    )


def _changes(former: Job, job: Job) -> Iterator[tuple[str, dict[str, Any]]]:
    begins = not job.state.final
    if begins:
        yield from _job_changes(former, job)
    for before, output in zip(former.outputs, job.outputs, strict=True):
        yield from _output_changes(before, output, former, job)
    if not begins:
        yield from _job_changes(former, job)


def _job_changes(former: Job, job: Job) -> Iterator[tuple[str, dict[str, Any]]]:
    for before, state in _steps(former.state, job.state):
        data: dict[str, Any] = {"previousState": before, "state": state}
        data["correlationData"] = dict(job.correlation_data)
        yield "JobStateChange", data
        if state.final:
            data = {**data, "outputs": [_output(output) for output in job.outputs]}
        yield f"Job{NAMED[state]}", data


def _output_changes(
    former: JobOutput, output: JobOutput, former_job: Job, job: Job
) -> Iterator[tuple[str, dict[str, Any]]]:
    correlation = dict(job.correlation_data)
    grown = output.progress // PROGRESS_STEP > former.progress // PROGRESS_STEP
    if grown or _half_minutes(output, job) > _half_minutes(output, former_job):
        yield (
            "JobOutputProgress",
            {"jobCorrelationData": correlation, "label": output.label, "progress": output.progress},
        )
    for before, state in _steps(former.state, output.state):
        data = {"previousState": before, "output": _output(output, state), "jobCorrelationData": correlation}
        yield "JobOutputStateChange", data
        yield f"JobOutput{NAMED[state]}", data


def _steps(former: JobState, state: JobState) -> Iterator[tuple[JobState, JobState]]:
    """Yield the steps between two states: a taken job is scheduled and begun at once, and the contract has both."""
    if (former, state) == (JobState.QUEUED, JobState.PROCESSING):
        yield former, JobState.SCHEDULED
        yield JobState.SCHEDULED, state
    elif former is not state:
        yield former, state


def _half_minutes(output: JobOutput, job: Job) -> int:
    """Return how many whole intervals of PROGRESS_SECONDS the output had been processed when the job was written."""
    if output.state is not JobState.PROCESSING or not output.start_time:
        return 0
    return max(0, int((job.last_modified - output.start_time).total_seconds() // PROGRESS_SECONDS))


def _output(value: JobOutput, state: JobState | None = None) -> dict[str, Any]:
    error = value.error
    return {
        "@odata.type": "#Microsoft.Media.JobOutputAsset",
        "assetName": value.asset,
        "label": value.label,
        "progress": value.progress,
        "state": state or value.state,
        "error": error
        and {
            "category": error.code.category,
            "code": error.code,
            "details": [{"code": detail.code, "message": detail.message} for detail in error.details],
            "message": error.message,
            "retry": error.code.retry,
        },
    }
