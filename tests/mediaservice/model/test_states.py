from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mediaservice.model import states
from mediaservice.model.errors import ErrorCode, JobError
from mediaservice.model.jobs import HttpInput, Job, JobOutput, JobState
from mediaservice.model.transforms import FaceDetectorPreset, OnError, Priority, TransformOutput

NOW = datetime(2026, 1, 31, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
FAILURE = JobError(ErrorCode.CONTENT_MALFORMED, "not a video")


def queued(*on_error: OnError) -> Job:
    preset = FaceDetectorPreset.model_validate({"@odata.type": "#Microsoft.Media.FaceDetectorPreset"})
    outputs = tuple(
        JobOutput(
            f"asset-{index}", f"label-{index}", TransformOutput.model_validate({"onError": each, "preset": preset})
        )
        for index, each in enumerate(on_error or (OnError.STOP,))
    )
    return Job("faceredact", "job", "instance", NOW, NOW, (HttpInput("https://a/b?sig=secret"),), outputs)


def processing(*on_error: OnError) -> Job:
    return states.begin_output(states.take(queued(*on_error), holder="h", message="m", now=NOW), 0, NOW)


def in_state(state: JobState) -> Job:
    return replace(processing(), state=state)


def test_a_job_goes_from_queued_through_processing_to_finished() -> None:
    job = processing()
    assert (job.state, job.start_time, job.outputs[0].state) == (JobState.PROCESSING, NOW, JobState.PROCESSING)
    job = states.conclude(states.finish_output(job, 0, LATER), LATER)
    assert (job.state, job.end_time, job.outputs[0].progress) == (JobState.FINISHED, LATER, 100)


@pytest.mark.parametrize("final", [JobState.FINISHED, JobState.ERROR, JobState.CANCELED])
def test_a_final_state_never_changes(final: JobState) -> None:
    job = in_state(final)
    assert states.request_cancel(job, LATER) is job
    for event in (states.conclude, states.canceled, states.beat):
        with pytest.raises(states.IllegalTransitionError):
            event(job, LATER)
    with pytest.raises(states.IllegalTransitionError):
        states.take(job, holder="other", message="m", now=LATER)


def test_a_job_being_canceled_can_only_become_canceled() -> None:
    job = states.request_cancel(processing(), LATER)
    assert {output.state for output in job.outputs} == {JobState.CANCELING}
    assert job.state is JobState.CANCELING
    with pytest.raises(states.IllegalTransitionError):
        states.conclude(job, LATER)
    with pytest.raises(states.IllegalTransitionError):
        states.begin_publishing(job, ["a"], LATER)
    job = states.canceled(job, LATER)
    assert (job.state, job.outputs[0].state, job.end_time) == (JobState.CANCELED, JobState.CANCELED, LATER)


def test_a_queued_job_is_canceled_at_once() -> None:
    job = states.request_cancel(queued(), LATER)
    assert (job.state, job.outputs[0].state) == (JobState.CANCELED, JobState.CANCELED)


def test_taking_over_a_job_being_canceled_does_not_revive_it() -> None:
    job = states.take(states.request_cancel(processing(), NOW), holder="other", message="m2", now=LATER)
    assert job.state is JobState.CANCELING
    assert job.attempt
    assert job.attempt.holder == "other"


def test_progress_never_falls_and_reaches_100_only_at_the_end() -> None:
    job = states.progress(processing(), 0, 60, NOW)
    assert states.progress(job, 0, 30, NOW).outputs[0].progress == 60
    assert states.progress(job, 0, 100, NOW).outputs[0].progress == 99


def test_taking_over_counts_an_attempt_and_giving_back_does_not() -> None:
    job = processing()
    assert job.attempt
    assert job.attempt.number == 1
    again = states.take(job, holder="other", message="m", now=LATER)
    assert again.attempt
    assert (again.attempt.number, again.start_time) == (2, NOW)
    given = states.give_back(again, LATER).attempt
    assert given
    assert (given.number, given.holder) == (1, None)


def test_a_job_that_is_given_back_again_and_again_is_counted() -> None:
    job = queued()
    for _ in range(states.FREE_RETURNS + 2):
        job = states.give_back(states.take(job, holder="h", message="m", now=NOW), LATER)
    assert job.attempt
    assert job.attempt.number == 2


def test_the_next_attempt_knows_that_an_earlier_one_may_have_published() -> None:
    job = states.take(states.begin_publishing(processing(), ["a"], NOW), holder="other", message="m", now=LATER)
    assert job.attempt
    assert job.attempt.committing == ("a",)


def test_a_failed_output_stops_the_job_when_its_transform_says_so() -> None:
    job = states.fail_output(processing(OnError.STOP, OnError.STOP), 0, FAILURE, NOW)
    assert states.next_output(job) is None
    job = states.conclude(job, LATER)
    assert [output.state for output in job.outputs] == [JobState.ERROR, JobState.CANCELED]
    assert job.state is JobState.ERROR


def test_a_failed_output_lets_the_job_go_on_when_its_transform_says_so() -> None:
    job = states.fail_output(processing(OnError.CONTINUE, OnError.STOP), 0, FAILURE, NOW)
    assert states.next_output(job) == 1
    job = states.conclude(states.finish_output(job, 1, NOW), LATER)
    assert [output.state for output in job.outputs] == [JobState.ERROR, JobState.FINISHED]
    assert job.state is JobState.ERROR


def test_outputs_are_worked_on_by_relative_priority() -> None:
    job = processing(OnError.CONTINUE, OnError.CONTINUE, OnError.CONTINUE)
    ranked = tuple(
        replace(output, task=output.task.model_copy(update={"relative_priority": priority}))
        for output, priority in zip(job.outputs, (Priority.LOW, Priority.HIGH, Priority.NORMAL), strict=True)
    )
    job = replace(job, outputs=ranked)
    order = []
    while (index := states.next_output(job)) is not None:
        order.append(index)
        job = states.finish_output(job, index, LATER)
    assert order == [1, 2, 0]


def test_a_job_that_is_over_has_forgotten_its_inputs_address() -> None:
    for job in (
        states.request_cancel(queued(), NOW),
        states.exhaust(processing(), 3, NOW),
        states.conclude(states.finish_output(processing(), 0, NOW), NOW),
    ):
        assert job.inputs == (HttpInput(None),)


def test_giving_up_names_the_attempts() -> None:
    job = states.exhaust(processing(), 3, LATER)
    error = job.outputs[0].error
    assert error
    assert (job.state, error.code, error.details[0].message) == (JobState.ERROR, "ServiceError", "attempts: 3")


@pytest.mark.parametrize(
    ("code", "category", "retry"),
    [
        (ErrorCode.SERVICE_ERROR, "Service", "MayRetry"),
        (ErrorCode.DOWNLOAD_NOT_ACCESSIBLE, "Download", "DoNotRetry"),
        (ErrorCode.DOWNLOAD_TRANSIENT_ERROR, "Download", "MayRetry"),
        (ErrorCode.UPLOAD_NOT_ACCESSIBLE, "Upload", "DoNotRetry"),
        (ErrorCode.CONFIGURATION_UNSUPPORTED, "Configuration", "DoNotRetry"),
        (ErrorCode.CONTENT_MALFORMED, "Content", "DoNotRetry"),
        (ErrorCode.IDENTITY_UNSUPPORTED, "Account", "DoNotRetry"),
    ],
)
def test_an_error_code_brings_its_category_and_advice(code: ErrorCode, category: str, retry: str) -> None:
    assert (code.category, code.retry) == (category, retry)
