"""The job state machine: pure functions from a job and an event to the job that follows.

    Queued ──► Processing ──► Finished | Error
      │            └► Canceling ──► Canceled
      └► Canceled

A final state never changes. An event that the state does not allow raises IllegalTransitionError.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mediaservice.model.errors import ErrorCode, ErrorDetail, JobError
from mediaservice.model.jobs import Attempt, Job, JobOutput, JobState
from mediaservice.model.transforms import OnError

ALLOWED: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.SCHEDULED, JobState.PROCESSING, JobState.ERROR, JobState.CANCELED}),
    JobState.SCHEDULED: frozenset({JobState.PROCESSING, JobState.ERROR, JobState.CANCELED}),
    JobState.PROCESSING: frozenset({JobState.PROCESSING, JobState.FINISHED, JobState.ERROR, JobState.CANCELING}),
    JobState.CANCELING: frozenset({JobState.CANCELED}),
    JobState.FINISHED: frozenset(),
    JobState.ERROR: frozenset(),
    JobState.CANCELED: frozenset(),
}

FREE_RETURNS = 3


class IllegalTransitionError(Exception):
    def __init__(self, job: Job, to: JobState) -> None:
        super().__init__(f"job {job.name}: {job.state} cannot become {to}")


def take(job: Job, *, holder: str, message: str, now: datetime) -> Job:
    """Begin an attempt, or take over from a lost worker. A job being canceled stays so."""
    canceling = job.state is JobState.CANCELING
    begun = replace(job, last_modified=now) if canceling else _move(job, JobState.PROCESSING, now)
    return replace(
        begun,
        start_time=job.start_time or now,
        attempt=Attempt(
            number=(job.attempt.number if job.attempt else 0) + 1,
            holder=holder,
            message=message,
            returned=job.attempt.returned if job.attempt else 0,
            committing=job.attempt.committing if job.attempt else (),
        ),
    )


def give_back(job: Job, now: datetime) -> Job:
    """Give the job back, since the worker must stop. Only the first few times do not count as attempts."""
    if job.attempt is None:
        raise IllegalTransitionError(job, JobState.QUEUED)
    returned = job.attempt.returned + 1
    number = job.attempt.number - 1 if returned <= FREE_RETURNS else job.attempt.number
    given = replace(job.attempt, holder=None, number=number, returned=returned)
    return replace(job, attempt=given, last_modified=now)


def beat(job: Job, now: datetime) -> Job:
    """Show that the holder is alive: an entity that does not change for a whole lease has none."""
    return _move(job, JobState.PROCESSING, now)


def begin_output(job: Job, index: int, now: datetime) -> Job:
    output = job.outputs[index]
    begun = replace(output, state=JobState.PROCESSING, start_time=output.start_time or now)
    return _with_output(_move(job, JobState.PROCESSING, now), index, begun)


def progress(job: Job, index: int, percent: int, now: datetime) -> Job:
    """Record progress, which never falls and reaches 100 only at the end."""
    output = job.outputs[index]
    percent = max(output.progress, min(99, percent))
    return _with_output(_move(job, JobState.PROCESSING, now), index, replace(output, progress=percent))


def begin_publishing(job: Job, files: Sequence[str], now: datetime) -> Job:
    """Record `files`, the main one last, beside those that an earlier attempt began to publish."""
    if job.attempt is None:
        raise IllegalTransitionError(job, JobState.PROCESSING)
    earlier = [name for name in job.attempt.committing if name not in set(files)]
    marked = replace(job.attempt, committing=(*earlier, *files))
    return replace(_move(job, JobState.PROCESSING, now), attempt=marked)


def finish_output(job: Job, index: int, now: datetime) -> Job:
    finished = replace(job.outputs[index], state=JobState.FINISHED, progress=100, end_time=now)
    done = replace(job, attempt=replace(job.attempt, committing=()) if job.attempt else None)
    return _with_output(_move(done, JobState.PROCESSING, now), index, finished)


def fail_output(job: Job, index: int, error: JobError, now: datetime) -> Job:
    failed = replace(job.outputs[index], state=JobState.ERROR, error=error, end_time=now)
    done = replace(job, attempt=replace(job.attempt, committing=()) if job.attempt else None)
    return _with_output(_move(done, JobState.PROCESSING, now), index, failed)


def next_output(job: Job) -> int | None:
    """Return the output to process next, by relative priority, or None if none is left."""
    if any(output.state is JobState.ERROR and output.task.on_error is OnError.STOP for output in job.outputs):
        return None
    left = [index for index, output in enumerate(job.outputs) if not output.state.final]
    return min(left, key=lambda index: job.outputs[index].task.relative_priority.rank, default=None)


def conclude(job: Job, now: datetime) -> Job:
    """End the job: Finished if every output is, otherwise Error. Outputs that never began are Canceled."""
    finished = all(output.state is JobState.FINISHED for output in job.outputs)
    return _end(job, JobState.FINISHED if finished else JobState.ERROR, now)


def exhaust(job: Job, attempts: int, now: datetime) -> Job:
    """End a job that no worker has survived."""
    message = f"The job was given up after {attempts} attempts, none of which came to an end."
    return give_up(job, message, f"attempts: {attempts}", now)


def give_up(job: Job, message: str, detail: str, now: datetime) -> Job:
    """End a job that is not being canceled, with a ServiceError for all remaining outputs."""
    error = JobError(ErrorCode.SERVICE_ERROR, message, (ErrorDetail(ErrorCode.SERVICE_ERROR.value, detail),))
    outputs = tuple(
        output if output.state.final else replace(output, state=JobState.ERROR, error=error, end_time=now)
        for output in job.outputs
    )
    return _end(replace(job, outputs=outputs), JobState.ERROR, now)


def request_cancel(job: Job, now: datetime) -> Job:
    """Cancel at once if no worker holds the job, else when its worker notices. A job that is over stays as it is."""
    if job.state.final or job.state is JobState.CANCELING:
        return job
    if job.state is JobState.PROCESSING:
        outputs = tuple(
            output if output.state.final else replace(output, state=JobState.CANCELING) for output in job.outputs
        )
        return replace(_move(job, JobState.CANCELING, now), outputs=outputs)
    return _end(job, JobState.CANCELED, now)


def canceled(job: Job, now: datetime) -> Job:
    return _end(job, JobState.CANCELED, now)


def _move(job: Job, to: JobState, now: datetime) -> Job:
    if to not in ALLOWED[job.state]:
        raise IllegalTransitionError(job, to)
    return replace(job, state=to, last_modified=now)


def _end(job: Job, to: JobState, now: datetime) -> Job:
    ended = _move(job, to, now)
    outputs = tuple(
        output if output.state.final else replace(output, state=JobState.CANCELED, end_time=now)
        for output in job.outputs
    )
    return replace(ended, end_time=now, outputs=outputs).without_addresses()


def _with_output(job: Job, index: int, output: JobOutput) -> Job:
    return replace(job, outputs=(*job.outputs[:index], output, *job.outputs[index + 1 :]))
