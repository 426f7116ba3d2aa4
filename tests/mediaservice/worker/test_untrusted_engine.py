"""The engine's files and messages are not trusted, since it reads strangers' videos."""

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from mediaservice.model.errors import JobFailedError
from mediaservice.worker.produced import produced_in
from mediaservice.worker.sandbox.lines import LINE_BYTES, TAIL_BYTES, last_line, lines
from tests.mediaservice.deployment import Pipeline


@pytest.mark.parametrize("content", [{"link": "/proc/self/environ"}, {"link": "/etc/hostname"}, {"pipe": True}])
def test_an_output_that_is_no_file_of_the_engines_own_is_not_published(
    pipeline: Pipeline, name: str, content: dict[str, object]
) -> None:
    container = pipeline.submit(name, content)
    pipeline.work()
    job = pipeline.job(name)
    assert (job.state, job.outputs[0].error.code) == ("Error", "ServiceError")
    assert "left an output that is not published" in job.outputs[0].error.message
    assert pipeline.files(container) == {}


def test_a_folder_that_is_replaced_by_a_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "redacted.mp4").write_text("secret")
    with produced_in(tmp_path / "output", 100) as produced:
        (tmp_path / "output").rename(tmp_path / "away")
        (tmp_path / "output").symlink_to(tmp_path / "secret")
        assert produced.names() == []
        with pytest.raises(JobFailedError):
            produced.open("redacted.mp4")


def test_an_output_with_another_name_or_of_more_bytes_than_allowed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with produced_in(tmp_path / "output", 5) as produced:
        os.link(tmp_path / "secret", tmp_path / "output" / "linked")
        (tmp_path / "output" / "large").write_text("123456")
        (tmp_path / "output" / "fine").write_text("12345")
        with pytest.raises(JobFailedError, match="other names"):
            produced.open("linked")
        with pytest.raises(JobFailedError, match="6 bytes"):
            produced.open("large")
        with produced.open("fine") as file:
            assert file.read() == b"12345"


def test_a_flood_on_standard_error_without_an_end_of_line_is_borne(pipeline: Pipeline, name: str) -> None:
    pipeline.submit(name, {"flood": 20_000_000})
    pipeline.work()
    assert pipeline.job(name).state == "Finished"


def test_a_process_that_the_engine_leaves_behind_ends_with_the_attempt_and_holds_up_nothing(
    pipeline: Pipeline, name: str
) -> None:
    left = pipeline.folder / "left"
    pipeline.submit(name, {"stay": str(left)})
    pipeline.work()
    assert pipeline.job(name).state == "Finished"
    assert not psutil.pid_exists(int(left.read_text()))


def fed(*chunks: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    for chunk in chunks:
        stream.feed_data(chunk)
    stream.feed_eof()
    return stream


def test_lines_that_are_too_long_are_left_out_and_those_after_them_are_not() -> None:
    async def read() -> list[bytes]:
        stream = fed(b"one\ntw", b"o\n", b"x" * (LINE_BYTES + 1), b"\nthree\nfour")
        return [line async for line in lines(stream)]

    assert asyncio.run(read()) == [b"one", b"two", b"three", b"four"]


def test_the_last_line_is_found_however_much_went_before() -> None:
    async def read(*chunks: bytes) -> str:
        return await last_line(fed(*chunks))

    assert asyncio.run(read(b"x" * 100_000, b"\nerror: no\n\n")) == "error: no"
    assert asyncio.run(read(b"x" * 100_000)) == "x" * TAIL_BYTES
    assert asyncio.run(read()) == ""
