"""Broken or unsuitable input ends in one clear error, and leaves nothing behind."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import redactor
from redactor import (
    Cancelled,
    ConfigurationUnsupported,
    ContentMalformed,
    ContentUnsupported,
    Options,
    Progress,
    RedactionError,
)

type Refused = Callable[[Path, type[RedactionError]], str]


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Runs on an input, wants that error, and gives its message; the output's folder must stay empty."""

    def run(source: Path, error: type[RedactionError]) -> str:
        folder = tmp_path / "out"
        folder.mkdir()
        with pytest.raises(error) as caught:
            redactor.redact(source, folder / "out.mp4")
        assert list(folder.iterdir()) == []
        return str(caught.value)

    return run


@pytest.mark.parametrize(
    "content", [b"", b"just text\n", b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile x\n", bytes(9000)]
)
def test_what_is_not_a_video_is_malformed(content: bytes, tmp_path: Path, refused: Refused) -> None:
    source = tmp_path / "party.mp4"
    source.write_bytes(content)
    assert refused(source, ContentMalformed).startswith("party.mp4: not a video")


def test_sound_alone_is_unsupported(walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, refused: Refused) -> None:
    import av

    full = make_clip(walk(10, 160, 120), recipe())
    source = tmp_path / "sound.mp4"
    with av.open(str(full)) as one, av.open(str(source), "w") as other:
        stream = other.add_stream_from_template(one.streams.audio[0])
        for packet in one.demux(one.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                other.mux(packet)
    assert refused(source, ContentUnsupported) == "sound.mp4: has no video track"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_file_cut_short_is_malformed(tenth: int, walking_clip: Path, tmp_path: Path, refused: Refused) -> None:
    data = walking_clip.read_bytes()
    source = tmp_path / "short.mp4"
    source.write_bytes(data[: len(data) * tenth // 10])
    assert refused(source, ContentMalformed).startswith("short.mp4: ")


def test_a_file_cut_short_behind_its_index_is_malformed(walking_clip: Path, tmp_path: Path, refused: Refused) -> None:
    indexed = tmp_path / "indexed.mp4"
    redactor.redact(walking_clip, indexed)  # writes the index first
    source = tmp_path / "short.mp4"
    source.write_bytes(indexed.read_bytes()[:-4000])
    refused(source, ContentMalformed)


def test_damaged_pictures_are_never_published(walking_clip: Path, tmp_path: Path, refused: Refused) -> None:
    data = bytearray(walking_clip.read_bytes())
    start = data.index(b"mdat") + 2000
    for offset in range(start, start + 4000, 7):
        data[offset] ^= 0x5A
    source = tmp_path / "damaged.mp4"
    source.write_bytes(data)
    assert "damaged" in refused(source, ContentMalformed)


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [
        ("missing.mp4", "out.mp4", "no such file"),
        (".", "out.mp4", "not a file"),
        ("walk.mp4", "nowhere/out.mp4", "folder does not exist"),
        ("walk.mp4", "out.avi", r"must end in \.mp4, \.m4v, \.mov"),
        ("walk.mp4", "walk.mp4", "is the input itself"),
    ],
)
def test_places_that_cannot_be_used_are_named(
    source: str, destination: str, message: str, walking_clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "walk.mp4").write_bytes(walking_clip.read_bytes())
    with pytest.raises(ConfigurationUnsupported, match=message):
        redactor.redact(tmp_path / source, tmp_path / destination)
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]


def test_a_rate_factor_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigurationUnsupported, match="crf: 99 is not between 0 and 51"):
        Options(crf=99)


def test_a_failure_leaves_an_older_output_as_it_was(tmp_path: Path) -> None:
    source, destination = tmp_path / "bad.mp4", tmp_path / "out.mp4"
    source.write_bytes(b"bad")
    destination.write_bytes(b"older")
    with pytest.raises(ContentMalformed):
        redactor.redact(source, destination)
    assert destination.read_bytes() == b"older"


def test_cancelling_leaves_nothing(walking_clip: Path, tmp_path: Path) -> None:
    cancel = threading.Event()

    def stop_early(progress: Progress) -> None:
        if progress.frame == 3:
            cancel.set()

    with pytest.raises(Cancelled):
        redactor.redact(walking_clip, tmp_path / "out.mp4", on_progress=stop_early, cancel=cancel)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_of_the_callers_own_leaves_nothing(walking_clip: Path, tmp_path: Path) -> None:
    def fail(progress: Progress) -> None:
        raise LookupError(progress.frame)

    with pytest.raises(LookupError):
        redactor.redact(walking_clip, tmp_path / "out.mp4", on_progress=fail)
    assert list(tmp_path.iterdir()) == []
    assert "analysis" not in {thread.name for thread in threading.enumerate()}
