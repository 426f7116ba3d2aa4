"""A cloud whose data is kept, run twice, with a setting of its stack changed."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from local.cloud import Options
from tests.e2e.clips import make_clip
from tests.e2e.user import Job, using


@dataclass(frozen=True)
class FirstRun:
    """The requests to a cloud that has ended since, and their results."""

    options: Options
    unwanted: str
    job: Job
    results: dict[str, str]


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    folder = tmp_path_factory.mktemp("kept")
    clip = make_clip(folder / "clip.mp4", frames=5).read_bytes()
    options = Options(stack="dev", data=folder / "data", changes={"uploadEndings": '[".mov"]'})
    with using(options) as user:
        unwanted = user.upload("party.mp4", clip)
        job = user.ended(user.upload("party.mov", clip))
        user.delivered(unwanted)  # and passed over by the function
        return FirstRun(options, unwanted, job, user.results(job))


def test_the_stacks_own_endings_decide_what_is_redacted(first_run: FirstRun) -> None:
    assert (first_run.job.state, list(first_run.results)) == ("Finished", ["party_redacted.mp4"])


def test_a_second_run_has_the_results_of_the_first_and_does_nothing_again(first_run: FirstRun, tmp_path: Path) -> None:
    with using(first_run.options) as user:
        assert user.jobs() == [first_run.job]
        assert user.results(first_run.job) == first_run.results
        assert user.fetch(first_run.job, tmp_path).stat().st_size > 1000
        # Events arrive in order: an event of the first run that is published again would come before this one.
        etag = user.upload("late.mov", b"no video")
        assert user.ended(etag).state == "Error"
        assert [notice.event["subject"].rpartition("/")[2] for notice in user.events.all()] == ["late.mov"] * 2
        assert user.results(first_run.job) == first_run.results
