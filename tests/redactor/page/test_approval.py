"""An approval names the decisions and the result that it is about, and no others."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from redactor.options import Options
from redactor.page.files import Files
from redactor.page.reviewed import Reviewed
from tests.redactor.page.conftest import Serve, difference, face, pictures_of

pytestmark = pytest.mark.video


class Review:
    """A review without its server. `pool` has one thread, so that what is submitted waits for the work before it."""

    def __init__(self, video: Path, pool: ThreadPoolExecutor, options: Options) -> None:
        self.files = Files.of(video)
        self.files.make_folder()
        self.pool = pool
        self.reviewed = Reviewed("1", self.files, options, pool)
        self.reviewed.prepare()
        self.done()

    def done(self) -> None:
        self.pool.submit(lambda: None).result()

    def name(self) -> str:
        return str(self.reviewed.state()["state"])

    def approve(self) -> None:
        self.reviewed.approve(self.reviewed.version(), "me", overwrite=True)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture
def review(two: Path, pool: ThreadPoolExecutor) -> Review:
    return Review(two, pool, Options())


def test_what_is_written_into_the_decisions_after_the_approval_is_not_applied(review: Review, two: Path) -> None:
    version, held = review.reviewed.version(), threading.Event()
    review.pool.submit(held.wait)
    review.approve()
    document = json.loads(review.files.decisions.read_text())
    review.files.decisions.write_text(json.dumps(document | {"people": [{"id": 1, "action": "show"}]}))
    held.set()
    review.done()
    assert review.name() == "approved"
    assert review.reviewed.state()["result"]["decisions"] == version.strip('"')
    before, after = pictures_of(two), pictures_of(review.files.output)
    assert difference(before[0], after[0], face(0, 0)) > 15


def test_another_file_in_the_result_s_place_is_not_approved(review: Review) -> None:
    review.files.output.write_bytes(b"redacted")
    review.files.write_approval(review.files.result())
    assert review.name() == "approved"
    review.files.output.write_bytes(b"replaced")
    assert review.name() == "open"
    assert "result" not in review.reviewed.state()


def test_an_approval_ends_as_soon_as_there_is_another(review: Review) -> None:
    review.files.output.write_bytes(b"redacted")
    review.files.write_approval(review.files.result())
    review.files.output.write_bytes(b"something of mine")
    held = threading.Event()
    review.pool.submit(held.wait)
    review.approve()
    assert not review.files.approval.exists()
    review.reviewed.stop()
    held.set()
    review.done()
    assert review.name() == "open"
    assert review.files.output.read_bytes() == b"something of mine"


def test_one_server_at_a_time_has_a_video(two: Path, serve: Serve) -> None:
    assert serve(two).link
    command = [sys.executable, "-m", "redactor", "review", str(two), "--no-browser"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert second.returncode != 0
    assert "two.mp4: is being reviewed by another process" in second.stderr
    assert second.stdout == ""
