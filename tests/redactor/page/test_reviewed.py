"""Leftovers of an earlier analysis, of another video or of nobody are not mixed with the review at hand."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from redactor.errors import ConfigurationUnsupported
from redactor.options import Options
from redactor.page.files import Files
from redactor.page.reviewed import Reviewed
from redactor.review import decisions

pytestmark = pytest.mark.video


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """One thread, so that what is submitted waits for the work before it."""
    with ThreadPoolExecutor(1) as made:
        yield made


def prepared(video: Path, pool: ThreadPoolExecutor) -> Reviewed:
    files = Files.of(video)
    files.make_folder()
    reviewed = Reviewed("1", files, Options(), pool)
    reviewed.prepare()
    pool.submit(lambda: None).result()
    return reviewed


def test_the_version_for_browsers_of_a_replaced_video_is_not_shown(
    two: Path, walking_clip: Path, pool: ThreadPoolExecutor
) -> None:
    files = Files.of(two)
    files.proxy.write_bytes(b"of the video before")
    shutil.copy(walking_clip, two)
    state = prepared(two, pool).state()
    assert state["state"] == "open"
    assert state["media"].endswith("/media/video")
    assert not files.proxy.exists()


def test_decisions_on_other_annotations_are_set_aside(two: Path, pool: ThreadPoolExecutor) -> None:
    files = Files.of(two)
    text, _ = files.read_decisions()
    files.annotations.write_text(files.annotations.read_text() + "\n")
    reviewed = prepared(two, pool)
    kept, _ = files.read_decisions()
    assert json.loads(kept)["annotations"] == {"sha256": decisions.digest(files.annotations)}
    assert [one.read_bytes() for one in files.folder.glob("two_decisions.*.json")] == [text]
    document = json.loads(kept)
    reviewed.save(document | {"people": [{"id": 1, "action": "show"}]}, reviewed.version())


def test_decisions_on_the_same_annotations_stay(two: Path, pool: ThreadPoolExecutor) -> None:
    text, version = Files.of(two).read_decisions()
    assert prepared(two, pool).version() == version
    assert Files.of(two).decisions.read_bytes() == text


@pytest.mark.parametrize(
    "changes",
    [
        {"people": [{"id": 99, "action": "show"}]},
        {"splits": [{"id": 1, "time": 5, "into": 2}]},
        {"splits": [{"id": 98, "time": 5, "into": 99}]},
    ],
)
def test_decisions_that_could_not_be_applied_are_not_saved(
    two: Path, pool: ThreadPoolExecutor, changes: dict[str, object]
) -> None:
    reviewed = prepared(two, pool)
    text, version = reviewed.files.read_decisions()
    with pytest.raises(ConfigurationUnsupported, match=r"nobody|somebody has already"):
        reviewed.save(json.loads(text) | changes, version)
    assert reviewed.files.read_decisions() == (text, version)


def test_a_video_that_was_moved_is_reported_and_back_when_it_returns(two: Path, pool: ThreadPoolExecutor) -> None:
    reviewed = prepared(two, pool)
    two.rename(two.with_name("moved.mp4"))
    state = reviewed.state()
    assert state["state"] == "failed"
    assert state["error"] == f"{two}: cannot be read (No such file or directory)"
    two.with_name("moved.mp4").rename(two)
    assert reviewed.state()["state"] == "open"
