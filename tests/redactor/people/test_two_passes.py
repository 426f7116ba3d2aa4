"""The two passes: analyze, edit, redact."""

import base64
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import redactor
from redactor import BlurType, ConfigurationUnsupported, ContentMalformed, Options, Resolution
from redactor.networks.yunet import YuNet
from redactor.people.annotations import read


@pytest.fixture
def analyzed(walking_clip: Path, tmp_path: Path) -> Path:
    """Return the folder that `analyze` wrote for the walking clip."""
    folder = tmp_path / "album"
    folder.mkdir()
    redactor.analyze(walking_clip, folder)
    return folder


def hidden(before: Any, after: Any, scenes: Any) -> list[bool]:
    """Return for each frame whether the face is black."""
    found = []
    for one, other, scene in zip(before.pictures, after.pictures, scenes, strict=True):
        x, y = (round(share) for share in scene.face.centre)
        assert one[y - 4 : y + 4, x - 4 : x + 4].mean() > 40
        found.append(bool(other[y - 4 : y + 4, x - 4 : x + 4].mean() < 8))
    return found


def test_annotations_hold_the_faces_place_in_every_frame(analyzed: Path, walk: Any) -> None:
    document = json.loads((analyzed / "walk_annotations.json").read_text())
    assert (document["version"], document["timescale"], document["offset"]) == (1, 12800, 0)
    assert (document["width"], document["height"], document["framerate"]) == (320, 240, 25)
    events = [(index, *faces) for each in document["fragments"] for index, faces in enumerate(each["events"])]
    assert len(events) == 40
    for (index, event), scene in zip(events, walk(40, 320, 240), strict=True):
        x, y = event["x"] + event["width"] / 2, event["y"] + event["height"] / 2
        assert abs(x * 320 - scene.face.centre[0]) < 12
        assert abs(y * 240 - scene.face.centre[1]) < 20
        assert (event["index"], event["id"]) == (index, 1)  # of the frame in its fragment


def test_each_face_has_a_thumbnail(analyzed: Path) -> None:
    assert {path.name for path in analyzed.iterdir()} == {
        "walk_annotations.json",
        "walk_doubtful.json",
        "walk_thumb000001.jpg",
        "index.html",
    }
    with Image.open(analyzed / "walk_thumb000001.jpg") as thumbnail:
        assert min(thumbnail.size) > 50


def test_an_earlier_analysis_thumbnails_do_not_stay(walking_clip: Path, tmp_path: Path) -> None:
    former, others = tmp_path / "walk_thumb000002.jpg", tmp_path / "walker_thumb000002.jpg"
    former.write_bytes(b"somebody")
    others.write_bytes(b"somebody")
    redactor.analyze(walking_clip, tmp_path)
    assert {path.name for path in tmp_path.glob("*.jpg")} == {"walk_thumb000001.jpg", others.name}


def test_second_pass_hides_what_the_first_found(
    analyzed: Path, walking_clip: Path, walk: Any, tmp_path: Path, read_video: Any
) -> None:
    options = Options(BlurType.BLACK, annotations=analyzed / "walk_annotations.json")
    result = redactor.redact(walking_clip, tmp_path / "out.mp4", options)
    assert (result.frames_with_faces, result.faces) == (40, 1)
    assert all(hidden(read_video(walking_clip), read_video(tmp_path / "out.mp4"), walk(40, 320, 240)))


@pytest.fixture
def with_a_second(analyzed: Path) -> Path:
    """Add a person with id 7 to the annotations, in a corner of the first frame."""
    path = analyzed / "walk_annotations.json"
    document = json.loads(path.read_text())
    document["fragments"][0]["events"][0].append({"index": 1, "id": 7, "x": 0, "y": 0, "width": 0.01, "height": 0.01})
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("ids", "keep", "expected"),
    [({1}, None, True), ({7}, None, False), (None, {1}, False), (None, {7}, True), (None, None, True)],
)
def test_only_the_people_asked_for_are_hidden(
    ids: set[int] | None,
    keep: set[int] | None,
    expected: bool,
    with_a_second: Path,
    walking_clip: Path,
    walk: Any,
    tmp_path: Path,
    read_video: Any,
) -> None:
    chosen = frozenset(ids) if ids else None, frozenset(keep) if keep else None
    options = Options(BlurType.BLACK, annotations=with_a_second, ids=chosen[0], keep=chosen[1])
    redactor.redact(walking_clip, tmp_path / "out.mp4", options)
    shown = hidden(read_video(walking_clip), read_video(tmp_path / "out.mp4"), walk(40, 320, 240))
    assert shown == [expected] * 40


@pytest.mark.parametrize("name", ["ids", "keep"])
def test_an_id_that_nobody_has_is_refused(name: str, with_a_second: Path, walking_clip: Path, tmp_path: Path) -> None:
    given: Any = {name: frozenset({1, 2})}
    options = Options(annotations=with_a_second, **given)
    with pytest.raises(ConfigurationUnsupported, match=f"{name}: 2 is nobody in the annotations, which have 1, 7"):
        redactor.redact(walking_clip, tmp_path / "out.mp4", options)
    assert not (tmp_path / "out.mp4").exists()


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
    """Empty fragments, rounded starts, a byte order mark, whole numbers as floats, and unknown fields."""
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
            {"start": 67, "duration": 66, "interval": 33.0, "events": [[event], []], "confidence": 0.9},
            {"start": 133, "duration": 0, "events": []},
            {"start": 167, "duration": 67, "events": [[event | {"id": 4}], [event]]},
        ],
        "source": "elsewhere",
    }
    path = tmp_path / "made_elsewhere.json"
    path.write_text(json.dumps(document), encoding="utf-8-sig")
    annotations = read(path)
    shown = [[event.id for event in annotations.at(Fraction(frame * 1001, 30000))] for frame in range(8)]
    assert shown == [[], [], [3], [], [], [4], [3], []]
    (face,) = annotations.at(Fraction(2 * 1001, 30000))
    assert (face.box.left, face.box.top) == (0.5, -0.02)
    assert (face.box.width, face.box.height) == pytest.approx((0.1, 0.2))
    assert annotations.ids == {3, 4}


def test_files_of_another_clock_are_read(tmp_path: Path) -> None:
    """AMS's sample ticks 24,000 times a second at 23.976 frames, and its ids are any numbers."""
    face = {"index": 13, "id": 1138, "x": 0.29537, "y": -0.18987, "width": 0.36239, "height": 0.80335}
    fragments = [{"start": 1000 + 2002 * n, "duration": 2002, "interval": 1001, "events": [[], [face]]} for n in (1, 0)]
    path = tmp_path / "made_elsewhere.json"
    path.write_text(json.dumps({"version": 1, "timescale": 24000, "offset": -1000, "fragments": fragments}))
    annotations = read(path)
    shown = [len(annotations.at(Fraction(1001 * frame, 24000))) for frame in range(6)]
    assert shown == [0, 1, 0, 1, 0, 0]


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
        (
            '{"version": 1, "timescale": 10, "fragments": [{"start": 0, "duration": 5, "events": [[{"id": 1.5, "x": 0, '
            '"y": 0, "width": 1, "height": 1}]]}]}',
            r"id of fragments\[0\].events\[0\]\[0\] is 1.5, must be whole",
        ),
        ('{"version": 1, "timescale": 10, "fragments": [{"start": 0, "events": [[]]}]}', r"duration of fragments\[0\]"),
        (
            '{"version": 1, "timescale": 10, "fragments": [{"start": 0, "duration": 5, "events": [[{"id": 1, "x": 400, '
            '"y": 300, "width": 200, "height": 260}]]}]}',
            r"fragments\[0\].events\[0\]\[0\] is 200 by 260 pictures large, allowed: 4",
        ),
        ("[" * 100_000, "not JSON"),
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


@pytest.mark.parametrize("options", [{"ids": frozenset({1})}, {"keep": frozenset({1})}])
def test_ids_without_annotations_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationUnsupported, match="only together with annotations"):
        Options(**options)


def test_ids_to_hide_and_ids_to_keep_are_refused_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnsupported, match="only one of them"):
        Options(annotations=tmp_path, ids=frozenset({1}), keep=frozenset({2}))


def test_standard_definition_analyses_a_smaller_picture_and_keeps_the_output_s_size(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: set[tuple[int, int]] = set()
    detect = YuNet.detect

    def noting(detector: YuNet, picture: Any, least_score: float) -> Any:
        looked_at.add(picture.shape[1::-1])
        return detect(detector, picture, least_score)

    monkeypatch.setattr(YuNet, "detect", noting)
    clip = make_clip(walk(4, 1920, 1080), recipe(audio=()))
    result = redactor.redact(clip, tmp_path / "out.mp4", Options(resolution=Resolution.STANDARD))
    assert max(looked_at) == (640, 360)
    assert (result.width, result.height, result.frames_with_faces) == (1920, 1080, 4)


def test_annotations_of_another_video_are_refused(
    analyzed: Path, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    options = Options(annotations=analyzed / "walk_annotations.json")
    other = make_clip(walk(40, 320, 240)[::-1], recipe(name="other.mp4"))
    with pytest.raises(ConfigurationUnsupported, match=r"of another video \(walk.mp4\) than other.mp4: its first pic"):
        redactor.redact(other, tmp_path / "out.mp4", options)
    longer = make_clip(walk(100, 320, 240), recipe(name="longer.mp4", rate=30))
    with pytest.raises(
        ConfigurationUnsupported, match=r"the rate is 25 frames a second there and 29.* here; the length"
    ):
        redactor.redact(longer, tmp_path / "out.mp4", options)
    assert not (tmp_path / "out.mp4").exists()


def test_annotations_belong_to_the_same_pictures_under_another_name(
    analyzed: Path, walking_clip: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "renamed.mp4"
    renamed.write_bytes(walking_clip.read_bytes())
    options = Options(annotations=analyzed / "walk_annotations.json")
    assert redactor.redact(renamed, tmp_path / "out.mp4", options).frames_with_faces == 40


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 640, "height": 360}, "the picture is 640x360 pixels there and 320x240 here"),
        ({"timescale": 2560}, "the length is 8.0 seconds there and 1.6 here"),
        ({"timescale": 128000}, "the length is 0.2 seconds there and 1.6 here"),
    ],
)
def test_foreign_annotations_are_compared_by_size_and_length(
    changes: dict[str, int], message: str, analyzed: Path, walking_clip: Path, tmp_path: Path
) -> None:
    path = analyzed / "walk_annotations.json"
    document = json.loads(path.read_text())
    del document["video"]
    path.write_text(json.dumps(document))
    assert redactor.redact(walking_clip, tmp_path / "out.mp4", Options(annotations=path)).frames_with_faces == 40
    path.write_text(json.dumps(document | changes))
    with pytest.raises(ConfigurationUnsupported, match=message):
        redactor.redact(walking_clip, tmp_path / "other.mp4", Options(annotations=path))


@pytest.mark.parametrize("older", [True, False])
def test_older_annotations_of_a_clock_that_began_late_still_fit(
    older: bool, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    """Times were once those of the container; MPEG-TS begins at 1.4 seconds."""
    clip = make_clip(walk(20, 320, 240), recipe(name="clip.ts", time_base=Fraction(1, 25), audio=()))
    redactor.analyze(clip, tmp_path)
    path = tmp_path / "clip_annotations.json"
    document = json.loads(path.read_text())
    assert document["fragments"][0]["start"] == 0
    del document["video"]
    for fragment in document["fragments"]:
        fragment["start"] += round(read_video(clip).times[0] * 90000) if older else 0
    path.write_text(json.dumps(document))
    assert redactor.redact(clip, tmp_path / "out.mp4", Options(annotations=path)).frames_with_faces == 20


def test_annotations_that_end_early_are_refused_unless_allowed(
    analyzed: Path, walking_clip: Path, tmp_path: Path
) -> None:
    path = analyzed / "walk_annotations.json"
    document = json.loads(path.read_text())
    (fragment,) = document["fragments"]
    fragment["events"] = fragment["events"][:39]
    fragment["duration"] = 39 * fragment["interval"]
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationUnsupported, match=r"end at 1.560 seconds, but the last frame is shown at 1.560"):
        redactor.redact(walking_clip, tmp_path / "out.mp4", Options(annotations=path))
    assert not (tmp_path / "out.mp4").exists()
    options = Options(annotations=path, partial_annotations=True)
    assert redactor.redact(walking_clip, tmp_path / "out.mp4", options).frames_with_faces == 39


def test_a_stretch_without_faces_may_end_the_annotations(analyzed: Path, walking_clip: Path, tmp_path: Path) -> None:
    path = analyzed / "walk_annotations.json"
    document = json.loads(path.read_text())
    (fragment,) = document["fragments"]
    start, fragment["duration"] = 39 * fragment["interval"], 39 * fragment["interval"]
    fragment["events"] = fragment["events"][:39]
    document["fragments"].append({"start": start, "duration": fragment["interval"]})
    path.write_text(json.dumps(document))
    options = Options(annotations=path)
    assert redactor.redact(walking_clip, tmp_path / "out.mp4", options).frames_with_faces == 39


def test_an_analysis_has_a_page_for_people(analyzed: Path) -> None:
    page = (analyzed / "index.html").read_text()
    assert "<h1>People in walk.mp4</h1>" in page
    assert page.count("<li ") == 1
    assert "Person 1" in page
    assert "2 seconds on screen, up to" in page
    assert "0:00.0 to 0:01.6" in page
    thumbnail = base64.b64encode((analyzed / "walk_thumb000001.jpg").read_bytes()).decode()
    assert f"data:image/jpeg;base64,{thumbnail}" in page
    for banned in ("<script", "http:", "https:", " onload", 'src="walk'):
        assert banned not in page
