"""The largest size of a job's record, and the reduction of a record that is too large all the same."""

import uuid
from dataclasses import replace

from mediaservice.model import states
from mediaservice.model.errors import MAX_DETAIL_CODE, MAX_MESSAGE, ErrorCode, ErrorDetail, JobFailedError
from mediaservice.model.jobs import Job
from mediaservice.utf16 import cut

FILLER = "\ufffd"  # the character that takes the most bytes per UTF-16 unit in requests to Storage
SHORT = 100  # UTF-16 units


def largest(job: Job) -> tuple[Job, Job]:
    """Return the job shortly before its end and at its end, where all outputs have errors of the longest texts."""
    text = FILLER * MAX_MESSAGE
    detail = ErrorDetail(FILLER * MAX_DETAIL_CODE, text)
    error = JobFailedError(ErrorCode.DOWNLOAD_TRANSIENT_ERROR, text, detail).error
    now = job.created
    begun = states.take(job, holder=str(uuid.uuid4()), message=str(uuid.uuid4()), now=now)
    ended = begun
    for index in range(len(job.outputs)):
        ended = states.fail_output(ended, index, error, now)
    return begun, states.conclude(ended, now)


def reduced(job: Job) -> Job:
    """Return the job without its client's texts, as far as it is readable without them."""
    outputs = tuple(replace(output, label=cut(output.label, SHORT)) for output in job.outputs)
    inputs = tuple(replace(each, label=cut(each.label, SHORT) if each.label else None) for each in job.inputs)
    attempt = replace(job.attempt, committing=()) if job.attempt else None
    return replace(
        job.without_addresses(), inputs=inputs, outputs=outputs, description=None, correlation_data={}, attempt=attempt
    )
