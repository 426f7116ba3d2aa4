"""The state of jobs from events, in any order."""

from itertools import permutations
from typing import Any

import pytest

from local.events.topic import Notice, Stage
from local.user.job_log import JobLog
from local.user.media_client import Job

FAILED = {
    "code": "ContentMalformed",
    "message": "not a video",
    "details": [{"code": "ContentMalformed", "message": "not a video"}],
}


def notice(kind: str, data: dict[str, Any], name: str = "j") -> Notice:
    event = {"subject": f"transforms/faceredact/jobs/{name}", "eventType": f"Microsoft.Media.{kind}", "data": data}
    return Notice(Stage.PUBLISHED, event)


def ended(state: str, progress: int, error: dict[str, Any] | None = None) -> Notice:
    output = {"assetName": "a", "progress": progress, "state": state, "error": error}
    return notice({"Error": "JobErrored"}.get(state, f"Job{state}"), {"state": state, "outputs": [output]})


def progress(percent: int) -> Notice:
    return notice("JobOutputProgress", {"progress": percent})


def test_nothing_is_known_of_a_job_without_an_event() -> None:
    log = JobLog()
    log(progress(50))
    assert log.last("other") is None


@pytest.mark.parametrize("order", list(permutations([progress(10), progress(60), ended("Finished", 100)])))
def test_the_order_of_events_does_not_matter(order: tuple[Notice, ...]) -> None:
    log = JobLog()
    for each in order:
        log(each)
    assert log.last("j") == Job("j", "Finished", 100, "a", None)


def test_progress_does_not_go_back() -> None:
    log = JobLog()
    log(progress(60))
    log(progress(10))
    job = log.last("j")
    assert job
    assert (job.progress, job.ended) == (60, False)


def test_a_failure_is_reported_with_its_reason() -> None:
    log = JobLog()
    log(ended("Error", 0, FAILED))
    assert log.last("j") == Job("j", "Error", 0, "a", "ContentMalformed: not a video")
