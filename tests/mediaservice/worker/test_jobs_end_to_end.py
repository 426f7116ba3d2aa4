"""Jobs from start to end: real workers on a real queue, with a substitute for the engine."""

import json
import signal
import uuid
from pathlib import Path

import psutil
import pytest
from azure.mgmt.media.models import (
    Asset,
    FaceDetectorPreset,
    Job,
    JobInputAsset,
    JobInputHttp,
    JobOutputAsset,
    Transform,
    TransformOutput,
)

from mediaservice.model.states import FREE_RETURNS
from tests.mediaservice.deployment import GROUP, Pipeline


def engines(log: Path, what: str) -> list[int]:
    """Return the ids of the engine processes that have reported."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith(what)]


def test_a_job_is_finished_with_its_redacted_output_and_leaves_no_message(pipeline: Pipeline, name: str) -> None:
    container = pipeline.submit(name, {}, "holiday ü.mov")
    pipeline.work()
    job = pipeline.job(name)
    assert (job.state, job.outputs[0].state, job.outputs[0].progress) == ("Finished", "Finished", 100)
    assert job.created <= job.start_time <= job.end_time
    assert pipeline.files(container) == {"holiday ü_redacted.mp4": b"REDACTED {}"}
    assert pipeline.messages() == 0


def test_the_output_says_what_was_found_and_how_long_each_stage_took(pipeline: Pipeline, name: str) -> None:
    container = pipeline.submit(name, {})
    pipeline.work()
    with pipeline.deployment.blobs as blobs:
        metadata = blobs.get_blob_client(container, "clip_redacted.mp4").get_blob_properties().metadata
    assert {key: metadata[key] for key in ("faces", "frames", "framesWithFaces", "doubtfulPlaces")} == {
        "faces": "3",
        "frames": "10",
        "framesWithFaces": "8",
        "doubtfulPlaces": "4",
    }
    assert all(float(metadata[f"{stage}Seconds"]) >= 0 for stage in ("download", "redact", "upload"))


def test_progress_can_be_read_while_the_engine_works(pipeline: Pipeline, name: str) -> None:
    go = pipeline.folder / "go"
    pipeline.submit(name, {"wait_for": str(go)})
    with pipeline.start() as worker:
        pipeline.until(lambda: pipeline.job(name).outputs[0].progress == 50)
        assert pipeline.job(name).state == "Processing"
        changed = Job(input=JobInputHttp(), outputs=[], priority="Low")
        pipeline.media.jobs.update(GROUP, pipeline.service.account, "faceredact", name, changed)
        assert (pipeline.job(name).priority, pipeline.job(name).state) == ("Low", "Processing")
        go.touch()
        assert worker.wait(15) == 0


def test_what_the_engine_refuses_ends_in_its_error_and_publishes_nothing(pipeline: Pipeline, name: str) -> None:
    container = pipeline.submit(name, {"fail": {"code": "ContentUnsupported", "message": "no video in it"}})
    pipeline.work()
    job = pipeline.job(name)
    error = job.outputs[0].error
    assert job.state == "Error"
    assert (error.code, error.category, error.retry, error.message) == (
        "ContentUnsupported",
        "Content",
        "DoNotRetry",
        "no video in it",
    )
    assert error.details[0].message == "no video in it"
    assert pipeline.files(container) == {}
    assert pipeline.messages() == 0


def test_an_engine_that_dies_ends_the_job_in_a_service_error(pipeline: Pipeline, name: str) -> None:
    container = pipeline.submit(name, {"die": signal.SIGSEGV})
    pipeline.work()
    error = pipeline.job(name).outputs[0].error
    assert (error.code, error.retry) == ("ServiceError", "MayRetry")
    assert "signal 11" in error.message
    assert pipeline.files(container) == {}


def test_an_input_that_does_not_exist_is_not_accessible_and_its_signature_is_not_shown(
    pipeline: Pipeline, name: str
) -> None:
    url = pipeline.upload({}).replace("clip.mp4", "other.mp4")
    media, account = pipeline.media, pipeline.service.account
    media.assets.create_or_update(GROUP, account, name, Asset())
    job = Job(input=JobInputHttp(files=[url]), outputs=[JobOutputAsset(asset_name=name)])
    media.jobs.create(GROUP, account, "faceredact", name, job)
    with pipeline.start() as worker:
        assert worker.wait(15) == 0
        assert "sig=" not in worker.tail().replace("sig=***", "")
    error = pipeline.job(name).outputs[0].error
    assert (error.code, error.category) == ("DownloadNotAccessible", "Download")
    assert "sig=" not in error.message


def test_the_only_file_of_an_input_asset_is_redacted(pipeline: Pipeline, name: str) -> None:
    media, account = pipeline.media, pipeline.service.account
    source = media.assets.create_or_update(GROUP, account, f"{name}-in", Asset())
    target = media.assets.create_or_update(GROUP, account, name, Asset())
    with pipeline.deployment.blobs as blobs:
        blobs.get_blob_client(str(source.container), "a/film.mp4").upload_blob(b"{}")
    job = Job(input=JobInputAsset(asset_name=f"{name}-in"), outputs=[JobOutputAsset(asset_name=name)])
    media.jobs.create(GROUP, account, "faceredact", name, job)
    pipeline.work()
    assert pipeline.job(name).state == "Finished"
    assert pipeline.files(str(target.container)) == {"film_redacted.mp4": b"REDACTED {}"}


def test_the_job_of_a_killed_worker_is_taken_up_again_and_finished_once(pipeline: Pipeline, name: str) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    container = pipeline.submit(name, {"log": str(log), "wait_for": str(go)})
    with pipeline.start() as worker:
        pipeline.until(lambda: engines(log, "begun"))
        psutil.Process(worker.pid).kill()
        pipeline.until(lambda: not psutil.pid_exists(engines(log, "begun")[0]))
    go.touch()
    pipeline.until(pipeline.visible)
    pipeline.work()
    assert pipeline.job(name).state == "Finished"
    assert (len(engines(log, "begun")), len(engines(log, "done"))) == (2, 1)
    assert list(pipeline.files(container)) == ["clip_redacted.mp4"]
    assert pipeline.messages() == 0
    assert not list(pipeline.folder.glob("redaction-*"))  # the killed worker's folder, too


def test_jobs_are_done_by_priority_and_then_by_age_and_a_priority_counts_that_was_changed_while_queued(
    pipeline: Pipeline, name: str
) -> None:
    given = ["Low", "Normal", "Low", "High", "Normal"]
    jobs = [f"{name}-{number}" for number in range(len(given))]
    for job, priority in zip(jobs, given, strict=True):
        pipeline.submit(job, {}, priority=priority)
    raised = Job(input=JobInputHttp(), outputs=[], priority="High")
    pipeline.media.jobs.update(GROUP, pipeline.service.account, "faceredact", jobs[2], raised)
    pipeline.work()
    done = sorted(jobs, key=lambda job: pipeline.job(job).start_time)
    assert done == [jobs[2], jobs[3], jobs[1], jobs[4], jobs[0]]
    assert pipeline.messages() == 0


def test_the_message_of_a_job_that_went_ahead_leads_a_second_worker_to_the_next(pipeline: Pipeline, name: str) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    pipeline.submit(f"{name}-early", {}, priority="Normal")
    pipeline.submit(f"{name}-urgent", {"log": str(log), "wait_for": str(go)}, priority="High")
    with pipeline.start() as first:
        pipeline.until(lambda: engines(log, "begun"))
        pipeline.work()
        assert pipeline.job(f"{name}-early").state == "Finished"
        go.touch()
        assert first.wait(20) == 0
    assert pipeline.job(f"{name}-urgent").state == "Finished"
    assert pipeline.messages() == 0


def test_the_message_of_a_canceled_job_leads_to_the_one_it_went_ahead_of(pipeline: Pipeline, name: str) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    pipeline.submit(f"{name}-early", {}, priority="Normal")
    pipeline.submit(f"{name}-urgent", {"log": str(log), "wait_for": str(go)}, priority="High")
    with pipeline.start() as worker:
        pipeline.until(lambda: engines(log, "begun"))
        pipeline.cancel(f"{name}-urgent")
        pipeline.until(lambda: pipeline.job(f"{name}-urgent").state == "Canceled")
        assert worker.wait(20) == 0
    assert pipeline.job(f"{name}-early").state == "Finished"
    assert pipeline.messages() == 0


def test_a_second_message_for_the_same_job_changes_nothing(pipeline: Pipeline, name: str) -> None:
    log = pipeline.folder / "log"
    pipeline.submit(name, {"log": str(log)})
    with pipeline.queue() as queue:
        queue.send_message(str(queue.peek_messages()[0].content))
    pipeline.work()
    assert pipeline.job(name).state == "Finished"
    assert (len(engines(log, "begun")), pipeline.messages()) == (1, 0)


def test_a_second_worker_leaves_a_job_that_is_being_done_alone(pipeline: Pipeline, name: str) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    pipeline.submit(name, {"log": str(log), "wait_for": str(go)})
    with pipeline.queue() as queue:
        queue.send_message(str(queue.peek_messages()[0].content))
    with pipeline.start() as first:
        pipeline.until(lambda: engines(log, "begun"))
        pipeline.work()
        go.touch()
        assert first.wait(20) == 0
    assert pipeline.job(name).state == "Finished"
    assert len(engines(log, "begun")) == 1


def test_a_job_that_kills_its_workers_ends_in_error_and_in_the_poison_queue(pipeline: Pipeline, name: str) -> None:
    log = pipeline.folder / "log"
    container = pipeline.submit(name, {"log": str(log), "wait_for": str(pipeline.folder / "never")})
    with pipeline.start(JOB_MAX_ATTEMPTS="1") as worker:
        pipeline.until(lambda: engines(log, "begun"))
        psutil.Process(worker.pid).kill()
    pipeline.until(pipeline.visible)
    pipeline.work(JOB_MAX_ATTEMPTS="1")
    error = pipeline.job(name).outputs[0].error
    assert (pipeline.job(name).state, error.code) == ("Error", "ServiceError")
    assert error.details[0].message == "attempts: 1"
    assert (pipeline.messages(), pipeline.messages("POISON_QUEUE")) == (0, 1)
    with pipeline.queue("POISON_QUEUE") as poison:
        kept = json.loads(str(poison.peek_messages()[0].content))
    assert (kept["transform"], kept["job"]) == ("faceredact", name)
    assert pipeline.files(container) == {}


def test_a_worker_that_is_stopped_gives_its_job_back_at_once_and_uncounted(pipeline: Pipeline, name: str) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    pipeline.submit(name, {"log": str(log), "wait_for": str(go)})
    with pipeline.start(JOB_MAX_ATTEMPTS="1", JOB_LEASE_SECONDS="60") as worker:
        pipeline.until(lambda: engines(log, "begun"))
        psutil.Process(worker.pid).terminate()
        assert worker.wait(5) == 0
    assert not psutil.pid_exists(engines(log, "begun")[0])
    assert pipeline.visible()
    go.touch()
    pipeline.work(JOB_MAX_ATTEMPTS="1")
    assert pipeline.job(name).state == "Finished"


def test_a_worker_that_was_stopped_for_longer_than_its_lease_publishes_nothing_of_its_own(
    pipeline: Pipeline, name: str
) -> None:
    log, go = pipeline.folder / "log", pipeline.folder / "go"
    container = pipeline.submit(name, {"log": str(log), "wait_for": str(go)})
    with pipeline.start() as stalled:
        pipeline.until(lambda: engines(log, "begun"))
        psutil.Process(stalled.pid).suspend()
        pipeline.until(pipeline.visible)
        go.touch()  # the stalled worker's engine finishes as well
        pipeline.until(lambda: engines(log, "done"))
        pipeline.work()
        with pipeline.deployment.blobs as blobs:
            published = blobs.get_blob_client(container, "clip_redacted.mp4").get_blob_properties().etag
        psutil.Process(stalled.pid).resume()
        assert stalled.wait(15) == 0
        assert "lost the job to another worker" in stalled.tail()
        with pipeline.deployment.blobs as blobs:
            assert blobs.get_blob_client(container, "clip_redacted.mp4").get_blob_properties().etag == published
    assert pipeline.job(name).state == "Finished"


def test_a_job_that_takes_too_long_ends_in_error(pipeline: Pipeline, name: str) -> None:
    pipeline.submit(name, {"wait_for": str(pipeline.folder / "never"), "ignore_sigterm": True})
    pipeline.work(JOB_TIMEOUT_SECONDS="1")
    job = pipeline.job(name)
    error = job.outputs[0].error
    assert (job.state, error.code, pipeline.messages()) == ("Error", "ServiceError", 0)
    assert error.message.startswith("The job took longer than 1 s")
    assert "workerMinutes" in error.message


def test_a_job_that_is_longer_than_any_worker_runs_comes_to_an_end(pipeline: Pipeline, name: str) -> None:
    """Workers are stopped before it is done, as by a platform's time limit. Each gives the job back."""
    log = pipeline.folder / "log"
    pipeline.submit(name, {"log": str(log), "wait_for": str(pipeline.folder / "never")})
    for number in range(1, FREE_RETURNS + 2):
        with pipeline.start(JOB_MAX_ATTEMPTS="1") as worker:
            pipeline.until(lambda begun=number: len(engines(log, "begun")) == begun)  # type: ignore[misc]
            psutil.Process(worker.pid).terminate()
            assert worker.wait(15) == 0
    assert pipeline.job(name).state == "Processing"
    pipeline.work(JOB_MAX_ATTEMPTS="1")
    error = pipeline.job(name).outputs[0].error
    assert (pipeline.job(name).state, error.details[0].message) == ("Error", "attempts: 1")
    assert len(engines(log, "begun")) == FREE_RETURNS + 1


@pytest.mark.parametrize(
    ("content", "limit", "reported"),
    [
        (
            {"hold": 400_000_000, "wait_for": "/never"},
            {"ENGINE_MEMORY_BYTES": "200000000"},
            "more than 200,000,000 bytes of memory",
        ),
        ({"spin": True}, {"ENGINE_CPU_SECONDS": "1"}, "more than 1 s of processor time"),
        ({"pad": 100_000}, {"ENGINE_FILE_BYTES": "50000"}, "File too large"),
        ({"open": 300}, {}, "Too many open files"),
    ],
)
def test_an_engine_that_uses_more_than_it_may_is_ended_and_publishes_nothing(
    pipeline: Pipeline, name: str, content: dict[str, object], limit: dict[str, str], reported: str
) -> None:
    container = pipeline.submit(name, content)
    pipeline.work(**limit)
    job = pipeline.job(name)
    assert (job.state, job.outputs[0].error.code) == ("Error", "ServiceError")
    assert reported in job.outputs[0].error.message
    assert pipeline.files(container) == {}


def test_the_engine_inherits_nothing_of_the_workers_environment(pipeline: Pipeline, name: str) -> None:
    reported = pipeline.folder / "environment"
    pipeline.submit(name, {"environment": str(reported)})
    pipeline.work()
    environment = json.loads(reported.read_text())
    given = {"PATH", "PYTHONPATH", "PYTHONUTF8", "ORT_DISABLE_TELEMETRY", "REDACTOR_MEMORY_BYTES", "HOME", "TMPDIR"}
    assert set(environment) - {"LC_CTYPE"} == given
    assert not Path(environment["HOME"]).exists()  # its folder, gone with the attempt


def test_the_engine_takes_as_much_care_as_the_transform_asks_for(pipeline: Pipeline, name: str) -> None:
    preset = FaceDetectorPreset(mode="Combined", experimental_options={"quality": "accurate"})
    pipeline.media.transforms.create_or_update(
        GROUP, pipeline.service.account, name, Transform(outputs=[TransformOutput(preset=preset)])
    )
    reported = pipeline.folder / "arguments"
    pipeline.submit(name, {"arguments": str(reported)}, transform=name)
    pipeline.work()
    arguments = json.loads(reported.read_text())
    assert arguments[arguments.index("--quality") + 1] == "accurate"


@pytest.fixture
def verifying(pipeline: Pipeline, name: str) -> str:
    """A transform whose redacted videos are compared with their inputs."""
    preset = FaceDetectorPreset(mode="Combined", experimental_options={"verify": "true"})
    pipeline.media.transforms.create_or_update(
        GROUP, pipeline.service.account, name, Transform(outputs=[TransformOutput(preset=preset)])
    )
    return name


def test_a_redacted_video_that_shows_no_face_is_published_after_its_verification(
    pipeline: Pipeline, name: str, verifying: str
) -> None:
    container = pipeline.submit(name, {"bare": 0}, transform=verifying)
    pipeline.work()
    assert pipeline.job(name, verifying).state == "Finished"
    assert set(pipeline.files(container)) == {"clip_redacted.mp4"}


def test_a_redacted_video_that_shows_a_face_is_not_published_and_the_error_says_where(
    pipeline: Pipeline, name: str, verifying: str
) -> None:
    container = pipeline.submit(name, {"bare": 2}, transform=verifying)
    pipeline.work()
    job = pipeline.job(name, verifying)
    error = job.outputs[0].error
    assert (job.state, error.code, error.retry) == ("Error", "ContentUnsupported", "DoNotRetry")
    assert error.message.startswith(
        "clip.mp4: 2 faces found bare in the redacted video, which was not published; the first "
        "at 0.20 s (frame 5), 45% from the left, 30% from the top."
    )
    assert (pipeline.files(container), pipeline.messages()) == ({}, 0)


def test_a_verification_that_says_nothing_of_faces_publishes_nothing(
    pipeline: Pipeline, name: str, verifying: str
) -> None:
    container = pipeline.submit(name, {"bare": None}, transform=verifying)
    pipeline.work()
    error = pipeline.job(name, verifying).outputs[0].error
    assert error.code == "ServiceError"
    assert pipeline.files(container) == {}


def test_an_input_that_the_disk_does_not_hold_ends_in_an_error_that_says_so(pipeline: Pipeline, name: str) -> None:
    container = pipeline.submit(name, b"x" * 200_000)
    with pipeline.start() as worker:
        psutil.Process(worker.pid).rlimit(psutil.RLIMIT_FSIZE, (100_000, 100_000))
        assert worker.wait(30) == 0
    error = pipeline.job(name).outputs[0].error
    assert (pipeline.job(name).state, error.code, error.retry) == ("Error", "ServiceError", "MayRetry")
    assert error.message.startswith("The worker's disk does not hold the input")
    assert (pipeline.files(container), pipeline.messages()) == ({}, 0)
    assert not list(pipeline.folder.glob("redaction-*"))


def test_an_engine_that_fills_the_disk_is_ended_before_the_platform_evicts_the_worker(
    pipeline: Pipeline, name: str
) -> None:
    container = pipeline.submit(name, {"fill": 3_000_000})
    pipeline.work(WORKER_DISK_BYTES="2000000")
    error = pipeline.job(name).outputs[0].error
    assert (pipeline.job(name).state, error.code) == ("Error", "ServiceError")
    assert error.message == (
        "The redacted video does not fit beside the input; the worker's disk holds 1,900,000 bytes: "
        "a worker with more than one core has more (workerCpu)."
    )
    assert (pipeline.files(container), pipeline.messages()) == ({}, 0)


def test_nothing_that_is_kept_of_a_job_that_is_over_holds_its_inputs_signature(pipeline: Pipeline, name: str) -> None:
    pipeline.submit(f"{name}-done", {})
    pipeline.submit(f"{name}-bad", {"fail": {"code": "ContentMalformed", "message": "no"}})
    pipeline.work()
    pipeline.submit(f"{name}-canceled", {})
    pipeline.cancel(f"{name}-canceled")
    environment = pipeline.deployment.environment
    with pipeline.deployment.tables as tables:
        every = tables.get_table_client(environment["JOBS_TABLE"]).list_entities()
        rows = [row for row in every if f"{name}-" in str(row)]
    assert len(rows) > 3
    assert not [row["RowKey"] for row in rows if "sig=" in str(row)]
    with pipeline.queue() as queue:
        assert not [message for message in queue.peek_messages(32) if "sig=" in str(message.content)]
    logs = [log.read_text() for log in pipeline.deployment.folder.glob("*.log")]
    assert any(f"{name}-done" in log for log in logs)
    assert not any("sig=" in log.replace("sig=***", "") for log in logs)


def test_a_message_that_is_none_of_ours_goes_to_the_poison_queue(pipeline: Pipeline) -> None:
    with pipeline.queue() as queue:
        queue.send_message("hello")
    pipeline.work()
    assert (pipeline.messages(), pipeline.messages("POISON_QUEUE")) == (0, 1)


def test_a_message_without_a_job_is_put_off_and_not_poisoned(pipeline: Pipeline) -> None:
    with pipeline.queue() as queue:
        queue.send_message(json.dumps({"transform": "faceredact", "job": "x", "instance": str(uuid.uuid4())}))
    pipeline.work()  # the worker ends, since the message is not visible at once
    assert (pipeline.messages(), pipeline.messages("POISON_QUEUE")) == (1, 0)


def test_the_message_of_a_request_that_lost_the_race_for_a_name_is_dropped(pipeline: Pipeline, name: str) -> None:
    log = pipeline.folder / "log"
    pipeline.submit(name, {"log": str(log)})
    with pipeline.queue() as queue:
        queue.send_message(json.dumps({"transform": "faceredact", "job": name, "instance": str(uuid.uuid4())}))
    pipeline.work()
    assert (len(engines(log, "done")), pipeline.messages(), pipeline.messages("POISON_QUEUE")) == (1, 0, 0)
