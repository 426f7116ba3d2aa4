"""Analyze, edit, redact."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import redactor
from redactor import BlurType, ConfigurationUnsupported, ContentMalformed, Options
from redactor.annotations import read


@pytest.fixture
def analyzed(walking_clip: Path, tmp_path: Path) -> Path:
    """The folder that `analyze` wrote for the walking clip."""
    folder = tmp_path / "album"
    folder.mkdir()
    redactor.analyze(walking_clip, folder)
    return folder


def hidden(before: Any, after: Any, scenes: Any) -> list[bool]:
    """Of each frame, whether the face was painted black."""
    found = []
    for one, other, scene in zip(before.pictures, after.pictures, scenes, strict=True):
        x, y = (round(share) for share in scene.face.centre)
        assert one[y - 4 : y + 4, x - 4 : x + 4].mean() > 40
        found.append(bool(other[y - 4 : y + 4, x - 4 : x + 4].mean() < 8))
    return found


def test_annotations_tell_of_every_frame_where_the_face_is(analyzed: Path, walk: Any) -> None:
    document = json.loads((analyzed / "walk_annotations.json").read_text())
    assert (document["version"], document["timescale"], document["offset"]) == (1, 12800, 0)
    assert (document["width"], document["height"], document["framerate"]) == (320, 240, 25)
    events = [events for fragment in document["fragments"] for events in fragment["events"]]
    assert len(events) == 40
    for (event,), scene in zip(events, walk(40, 320, 240), strict=True):
        x, y = event["x"] + event["width"] / 2, event["y"] + event["height"] / 2
        assert abs(x * 320 - scene.face.centre[0]) < 12
        assert abs(y * 240 - scene.face.centre[1]) < 16
        assert (event["index"], event["id"]) == (0, 1)


def test_each_face_has_a_thumbnail(analyzed: Path) -> None:
    assert {path.name for path in analyzed.iterdir()} == {"walk_annotations.json", "walk_thumb000001.jpg"}
    with Image.open(analyzed / "walk_thumb000001.jpg") as thumbnail:
        assert min(thumbnail.size) > 50


def test_second_pass_hides_what_the_first_found(
    analyzed: Path, walking_clip: Path, walk: Any, tmp_path: Path, read_video: Any
) -> None:
    options = Options(BlurType.BLACK, annotations=analyzed / "walk_annotations.json")
    result = redactor.redact(walking_clip, tmp_path / "out.mp4", options)
    assert (result.frames_with_faces, result.faces) == (40, 1)
    assert all(hidden(read_video(walking_clip), read_video(tmp_path / "out.mp4"), walk(40, 320, 240)))


@pytest.mark.parametrize(("ids", "expected"), [({1}, True), ({2}, False), (None, True)])
def test_only_the_faces_asked_for_are_hidden(
    ids: set[int] | None,
    expected: bool,
    analyzed: Path,
    walking_clip: Path,
    walk: Any,
    tmp_path: Path,
    read_video: Any,
) -> None:
    chosen = None if ids is None else frozenset(ids)
    options = Options(BlurType.BLACK, annotations=analyzed / "walk_annotations.json", ids=chosen)
    redactor.redact(walking_clip, tmp_path / "out.mp4", options)
    shown = hidden(read_video(walking_clip), read_video(tmp_path / "out.mp4"), walk(40, 320, 240))
    assert shown == [expected] * 40


def test_edited_annotations_are_taken_as_they_stand(
    analyzed: Path, walking_clip: Path, walk: Any, tmp_path: Path, read_video: Any
) -> None:
    path = analyzed / "walk_annotations.json"
    document = json.loads(path.read_text())
    document["fragments"][0]["events"][10:20] = [[]] * 10
    path.write_text(json.dumps(document))
    redactor.redact(walking_clip, tmp_path / "out.mp4", Options(BlurType.BLACK, annotations=path))
    shown = hidden(read_video(walking_clip), read_video(tmp_path / "out.mp4"), walk(40, 320, 240))
    assert shown == [True] * 10 + [False] * 10 + [True] * 20


def test_variable_frame_times_and_rotation_survive_the_two_passes(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    lying = [type(s)(np.ascontiguousarray(np.rot90(s.pixels, -1)), None) for s in walk(12, 320, 240)]
    times = [0, 512, 1024, 2000, 2100, 2200, 4000, 4512, 5024, 5536, 6048, 7000]
    clip = make_clip(lying, recipe(rotation=90, times=times))
    redactor.analyze(clip, tmp_path)
    annotations = read(tmp_path / "clip_annotations.json")
    assert [len(annotations.at(Fraction(time, 12800))) for time in times] == [1] * 12
    document = json.loads((tmp_path / "clip_annotations.json").read_text())
    assert (document["width"], document["height"]) == (320, 240)  # upright
    (event,) = annotations.at(Fraction(0))
    face = walk(12, 320, 240)[0].face
    assert event.box.centre[0] * 320 == pytest.approx(face.centre[0], abs=12)
    assert event.box.centre[1] * 240 == pytest.approx(face.centre[1], abs=16)
    options = Options(BlurType.BLACK, annotations=tmp_path / "clip_annotations.json")
    assert redactor.redact(clip, tmp_path / "out.mp4", options).frames_with_faces == 12


def test_files_made_elsewhere_are_read(tmp_path: Path) -> None:
    """Empty fragments without events, starts rounded to a tick, a byte order mark, whole numbers as floats."""
    event = {"index": 0, "id": 3, "x": 0.5, "y": -0.02, "width": 0.1, "height": 0.2}
    document = {
        "version": 1,
        "timescale": 1000,
        "offset": 0,
        "framerate": 29.97,
        "width": 640,
        "height": 360,
        "fragments": [
            {"start": 0, "duration": 67},
            {"start": 67, "duration": 66, "interval": 33.0, "events": [[event], []]},
        ],
    }
    path = tmp_path / "made_elsewhere.json"
    path.write_text(json.dumps(document), encoding="utf-8-sig")
    annotations = read(path)
    shown = [[event.id for event in annotations.at(Fraction(frame * 1001, 30000))] for frame in range(5)]
    assert shown == [[], [], [3], [], []]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "the file must be an object"),
        ('{"version": 2}', "version is 2, allowed: 1"),
        ('{"version": 1, "timescale": 0, "fragments": []}', "timescale of the file is 0"),
        ('{"version": 1, "timescale": 10, "fragments": 3}', "fragments must be a list"),
        (
            '{"version": 1, "timescale": 10, "fragments": [{"start": 0, "duration": 5, "interval": 1, '
            '"events": [[], [{"id": 1, "x": "left"}]]}]}',
            r"x of fragments\[0\].events\[1\]\[0\] is 'left'",
        ),
        (
            '{"version": 1, "timescale": 10, "fragments": [{"start": NaN, "duration": 5}]}',
            r"start of fragments\[0\] is nan",
        ),
    ],
)
def test_malformed_annotations_are_refused_with_the_place_named(
    content: str, message: str, walking_clip: Path, tmp_path: Path
) -> None:
    path = tmp_path / "edited.json"
    path.write_text(content)
    with pytest.raises(ConfigurationUnsupported, match=message):
        redactor.redact(walking_clip, tmp_path / "out.mp4", Options(annotations=path))
    assert not (tmp_path / "out.mp4").exists()


def test_a_failed_analysis_leaves_nothing(tmp_path: Path) -> None:
    source, folder = tmp_path / "bad.mp4", tmp_path / "album"
    source.write_bytes(b"bad")
    folder.mkdir()
    with pytest.raises(ContentMalformed):
        redactor.analyze(source, folder)
    assert list(folder.iterdir()) == []


def test_ids_without_annotations_are_refused() -> None:
    with pytest.raises(ConfigurationUnsupported, match="ids"):
        Options(ids=frozenset({1}))
