"""The ams stack: the same round trip, with Azure Media Services' account and Transform in the graph."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import Options
from tests.e2e.clips import frames_with_faces, make_clip, read_video, top_level_boxes
from tests.e2e.user import User, using


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    with using(Options(stack="ams")) as running:
        yield running


def test_an_upload_comes_back_redacted(user: User, tmp_path: Path) -> None:
    assert user.cloud.graph.of("media:MediaService")
    assert not user.cloud.graph.of("app:ContainerApp")
    clip = make_clip(tmp_path / "party.mp4")
    job = user.ended(user.upload("album/party.mp4", clip.read_bytes()))
    assert (job.state, list(user.results(job))) == ("Finished", ["party_redacted.mp4"])
    result = user.fetch(job, tmp_path)
    before, after = read_video(clip), read_video(result)
    assert (len(after.times), after.times, after.audio) == (25, before.times, before.audio)
    assert (after.codec, after.pixel_format, after.size) == ("h264", "yuv420p", before.size)
    assert len(frames_with_faces(before.pictures)) > 20
    assert frames_with_faces(after.pictures) == []
    boxes = top_level_boxes(result)
    assert boxes.index("moov") < boxes.index("mdat")
