"""The index comes first, and its offsets point to the moved media."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from redactor.errors import Cancelled
from redactor.video.faststart import index_first, relocated
from redactor.video.sink import Sink
from redactor.video.source import Source


def box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return (8 + len(content)).to_bytes(4) + kind + content


def table(kind: bytes, width: str, *offsets: int) -> bytes:
    """Return a movie's index that holds only the offsets of its media."""
    chunks = box(kind, bytes(4), len(offsets).to_bytes(4), struct.pack(f">{len(offsets)}{width}", *offsets))
    return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", chunks)))))


def test_media_are_found_behind_the_index(
    walking_clip: Path, tmp_path: Path, read_video: Callable[[Path], Any]
) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(walking_clip.read_bytes())
    index_first(copy, lambda: None)
    data = copy.read_bytes()
    assert len(data) == walking_clip.stat().st_size
    assert data.index(b"moov") < data.index(b"mdat")
    before, after = read_video(walking_clip), read_video(copy)
    assert (after.times, after.audio) == (before.times, before.audio)
    assert all((a == b).all() for a, b in zip(after.pictures, before.pictures, strict=True))


def test_offsets_beyond_four_gigabytes_become_wide() -> None:
    index = table(b"stco", "I", 40, 2**32 - 20)
    wider = relocated(index, b"")
    assert wider == table(b"co64", "Q", 40 + len(wider), 2**32 - 20 + len(wider))


def test_small_and_wide_offsets_stay_so() -> None:
    for kind, width in ((b"stco", "I"), (b"co64", "Q")):
        index = table(kind, width, 40, 5000)
        assert relocated(index, b"") == table(kind, width, 40 + len(index), 5000 + len(index))


def test_stopping_meanwhile_leaves_nothing(walking_clip: Path, tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled), Source(walking_clip) as source, Sink(tmp_path / "out.mp4", source, 20) as sink:
        for item in source.items():
            if isinstance(item, av.VideoFrame):
                sink.write_frame(item)
            else:
                sink.write_audio(item)
        sink.finish(stop)
    assert list(tmp_path.iterdir()) == []
