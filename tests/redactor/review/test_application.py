"""A run with decisions covers and shows what they say, frame by frame."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import redactor
from redactor import BlurType, ConfigurationUnsupported, Options
from redactor.geometry import Box
from redactor.results import Applied
from redactor.review.decisions import (
    Cover,
    Decisions,
    Drawing,
    Keyframe,
    Merge,
    Person,
    Removal,
    Split,
    Stretch,
    Visibility,
    Zone,
    begun,
    digest,
)
from redactor.review.writing import write

TICK = 512  # ticks of a frame of the clip
FRAMES = 40
SHOW, HIDE = Visibility.SHOW, Visibility.HIDE
CORNER = Box(0, 0.75, 0.25, 1)  # without a face, and bright


@dataclass(frozen=True)
class Outcome:
    """Frames in which the face, the corner and the right edge are black."""

    face: list[int]
    corner: list[int]
    edge: list[int]
    applied: Applied


@pytest.fixture(scope="module")
def analyzed(walking_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the walking clip's annotations: id 1 is the face, and id 7 is in a corner of the first frame."""
    folder = tmp_path_factory.mktemp("album")
    redactor.analyze(walking_clip, folder)
    path = folder / "walk_annotations.json"
    document = json.loads(path.read_text())
    document["fragments"][0]["events"][0].append({"index": 0, "id": 7, "x": 0, "y": 0, "width": 0.01, "height": 0.01})
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def decided(analyzed: Path, walking_clip: Path, walk: Any, tmp_path: Path, read_video: Any) -> Callable[..., Outcome]:
    """Return a function that redacts the walking clip with decisions and looks at every frame."""

    def run(*, by_annotations: bool = True, **decisions: Any) -> Outcome:
        path = tmp_path / "decisions.json"
        write(path, replace(begun(analyzed), **decisions))
        options = Options(BlurType.BLACK, annotations=analyzed if by_annotations else None, decisions=path)
        result = redactor.redact(walking_clip, tmp_path / "out.mp4", options)
        pictures = read_video(tmp_path / "out.mp4").pictures
        places = [scene.face.centre for scene in walk(FRAMES, 320, 240)]
        assert result.decisions is not None
        assert result.frames == len(pictures) == FRAMES
        return Outcome(
            face=[n for n, (x, y) in enumerate(places) if is_black(pictures[n], x, y)],
            corner=[n for n in range(FRAMES) if is_black(pictures[n], 56, 212)],
            edge=[n for n in range(FRAMES) if is_black(pictures[n], 308, 140)],
            applied=result.decisions,
        )

    return run


def is_black(picture: Any, x: float, y: float) -> bool:
    column, row = round(x), round(y)
    return bool(picture[row - 4 : row + 4, column - 4 : column + 4].mean() < 8)


def at(frame: int) -> int:
    return frame * TICK


def between(first: int, last: int) -> Stretch:
    """Return the stretch of these frames, the last one excluded."""
    return Stretch(at(first), at(last))


ALL = list(range(FRAMES))


def test_everybody_is_covered_without_a_decision(decided: Callable[..., Outcome]) -> None:
    outcome = decided()
    assert (outcome.face, outcome.corner) == (ALL, [])
    assert outcome.applied == Applied(0, 0, (), (), 0)


def test_a_shown_person_is_bare(decided: Callable[..., Outcome]) -> None:
    outcome = decided(people=(Person(1, SHOW),))
    assert outcome.face == []
    assert outcome.applied.shown == 1


@pytest.mark.parametrize(
    ("people", "bare"),
    [
        ((Person(7, SHOW),), True),
        ((Person(1, SHOW), Person(7, HIDE)), False),
        ((Person(1, SHOW), Person(1, HIDE)), False),
    ],
)
def test_merged_ids_share_a_decision_and_hiding_wins(
    people: Sequence[Person], bare: bool, decided: Callable[..., Outcome]
) -> None:
    assert decided(people=people, merges=(Merge((7, 1)),)).face == ([] if bare else ALL)


def test_an_id_is_split_at_a_frame(decided: Callable[..., Outcome]) -> None:
    split = (Split(1, at(10), 2), Split(2, at(30), 3))
    assert decided(people=(Person(1, SHOW),), splits=split).face == ALL[10:]
    assert decided(people=(Person(2, SHOW),), splits=split).face == ALL[:10] + ALL[30:]
    assert decided(people=(Person(2, SHOW),), splits=split, merges=(Merge((2, 3)),)).face == ALL[:10]


def test_what_is_no_face_is_not_covered(decided: Callable[..., Outcome]) -> None:
    outcome = decided(removals=(Removal(1, between(5, 9)),))
    assert outcome.face == ALL[:5] + ALL[9:]
    assert outcome.applied.removed == 4
    assert decided(removals=(Removal(1),), merges=(Merge((1, 7)),)).face == []


def test_a_frame_that_is_partly_in_a_stretch_is_covered(decided: Callable[..., Outcome]) -> None:
    partly = Stretch(at(5) + 1, at(9) - 1)
    assert decided(removals=(Removal(1, partly),)).face == ALL[:6] + ALL[8:]
    assert decided(zones=(Zone(Cover.COVER, partly, CORNER),)).corner == ALL[5:9]


def test_a_zone_covers_its_rectangle(decided: Callable[..., Outcome]) -> None:
    outcome = decided(zones=(Zone(Cover.COVER, Stretch(), CORNER), Zone(Cover.COVER, between(3, 5), Box(0, 0, 1, 1))))
    assert outcome.corner == ALL
    assert outcome.edge == [3, 4]
    assert outcome.applied.zones == (40, 2)


def test_the_whole_picture_is_covered_to_its_corners(
    decided: Callable[..., Outcome], tmp_path: Path, read_video: Any
) -> None:
    outcome = decided(people=(Person(1, SHOW),), zones=(Zone(Cover.COVER, between(3, 5)),))
    assert (outcome.face, outcome.corner, outcome.edge) == ([3, 4], [3, 4], [3, 4])
    assert read_video(tmp_path / "out.mp4").pictures[3].max() < 12


@pytest.mark.parametrize(
    ("zone", "bare"),
    [
        (Zone(Cover.SHOW, between(8, 12)), ALL[8:12]),
        (Zone(Cover.SHOW, between(8, 12), id=1), ALL[8:12]),
        (Zone(Cover.SHOW, between(8, 12), id=7), []),
        (Zone(Cover.SHOW, between(8, 12), Box(0, 0, 1, 1)), ALL[8:12]),
        (Zone(Cover.SHOW, between(8, 12), CORNER), []),
        (Zone(Cover.SHOW, between(8, 12), CORNER, id=1), []),
    ],
)
def test_a_stretch_is_shown(zone: Zone, bare: list[int], decided: Callable[..., Outcome]) -> None:
    assert decided(zones=(zone,)).face == [frame for frame in ALL if frame not in bare]


@pytest.mark.parametrize(
    ("stronger", "weaker", "covered"),
    [
        (Zone(Cover.COVER, between(0, 4)), Zone(Cover.SHOW, between(0, 8)), ALL[:4]),
        (Zone(Cover.SHOW, between(0, 8)), Zone(Cover.COVER, Stretch(), CORNER), ALL[8:]),
        (Zone(Cover.COVER, between(0, 4), CORNER), Zone(Cover.SHOW, between(0, 8), CORNER), ALL[:4]),
    ],
)
def test_the_stronger_zone_wins(
    stronger: Zone, weaker: Zone, covered: list[int], decided: Callable[..., Outcome]
) -> None:
    assert decided(zones=(weaker, stronger)).corner == covered


def test_a_drawing_covers_a_shown_person(decided: Callable[..., Outcome]) -> None:
    drawing = Drawing((Keyframe(0, Box(0, 0, 0.6, 0.9)),), between(0, 7), follow=False)
    assert decided(people=(Person(1, SHOW),), drawings=(drawing,)).face == ALL[:7]


def test_a_drawing_that_is_not_followed_is_interpolated(decided: Callable[..., Outcome]) -> None:
    aside = Box(0.75, 0, 1, 0.2)
    keys = Keyframe(at(10), CORNER), Keyframe(at(20), aside)
    outcome = decided(drawings=(Drawing(keys, follow=False), Drawing(keys, between(5, 38), follow=False)))
    assert outcome.corner == ALL[5:12]  # half of its way the box is over the place, from the first frame to the 11th
    assert [(one.frames, one.start, one.end) for one in outcome.applied.drawings] == [
        (11, at(10), at(21)),
        (33, at(5), at(38)),
    ]


def test_decisions_do_without_annotations_where_they_name_no_id(decided: Callable[..., Outcome]) -> None:
    outcome = decided(by_annotations=False, zones=(Zone(Cover.SHOW, between(0, 30), Box(0, 0, 1, 1)),))
    assert outcome.face == ALL[30:]


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({"people": (Person(2, SHOW),)}, r"people\[0\] names id 2, who is nobody in the annotations"),
        ({"zones": (Zone(Cover.SHOW, Stretch(0, 1), id=9),)}, r"zones\[0\] names id 9, who is nobody"),
        ({"splits": (Split(1, 5, 7),)}, r"into of splits\[0\] is 7, which somebody has already"),
        ({"annotations": "0" * 64}, r"was made for other annotations than .*, or these were edited since"),
        ({"drawings": (Drawing((Keyframe(at(50), CORNER),)),)}, r"drawings\[0\] has a keyframe at 25600, after the vi"),
    ],
)
def test_decisions_that_do_not_fit_are_refused(
    decisions: dict[str, Any], message: str, decided: Callable[..., Outcome], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationUnsupported, match=message):
        decided(**decisions)
    assert not (tmp_path / "out.mp4").exists()


def test_ids_without_their_annotations_are_refused(decided: Callable[..., Outcome]) -> None:
    with pytest.raises(ConfigurationUnsupported, match=r"people\[0\] names id 1, so its annotations are needed too"):
        decided(by_annotations=False, people=(Person(1, SHOW),))


@pytest.mark.parametrize("name", ["ids", "keep"])
def test_ids_and_decisions_are_refused_together(name: str) -> None:
    given: Any = {name: frozenset({1})}
    with pytest.raises(ConfigurationUnsupported, match=f"{name} and decisions: only one of them"):
        Options(annotations="annotations.json", decisions="decisions.json", **given)


def test_decisions_on_another_video_are_refused(
    analyzed: Path, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    path = tmp_path / "decisions.json"
    write(path, begun(analyzed))
    other = make_clip(walk(FRAMES, 320, 240)[::-1], recipe(name="other.mp4"))
    with pytest.raises(ConfigurationUnsupported, match=r"decisions are of another video \(walk.mp4\) than other.mp4"):
        redactor.redact(other, tmp_path / "out.mp4", Options(decisions=path))


def test_decisions_fit_variable_frame_times_and_turned_pictures(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    lying = [replace(one, pixels=np.ascontiguousarray(np.rot90(one.pixels, -1))) for one in walk(12, 320, 240)]
    times = [0, 512, 1024, 2000, 2100, 2200, 4000, 4512, 5024, 5536, 6048, 7000]
    clip = make_clip(lying, recipe(rotation=90, times=times))
    redactor.analyze(clip, tmp_path)
    annotations, path = tmp_path / "clip_annotations.json", tmp_path / "decisions.json"
    zone = Zone(Cover.COVER, Stretch(2000, 2200), CORNER)
    shown = Zone(Cover.SHOW, Stretch(2200, 4512), id=1)
    write(path, Decisions(12800, begun(annotations).video, digest(annotations), zones=(zone, shown)))
    options = Options(BlurType.BLACK, annotations=annotations, decisions=path)
    redactor.redact(clip, tmp_path / "out.mp4", options)
    upright = [np.rot90(picture) for picture in read_video(tmp_path / "out.mp4").pictures]
    assert [n for n, picture in enumerate(upright) if is_black(picture, 56, 212)] == [3, 4]
    faces = [scene.face.centre for scene in walk(12, 320, 240)]
    assert [n for n, picture in enumerate(upright) if not is_black(picture, *faces[n])] == [5, 6]


def test_ticks_that_are_coarser_than_the_video_s_never_bare_a_frame(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    """A frame of 30000/1001 frames a second starts and ends between two milliseconds."""
    base = Fraction(1, 30000)
    clip = make_clip(walk(12, 320, 240), recipe(time_base=base, times=[1001 * n for n in range(12)], audio=()))
    redactor.analyze(clip, tmp_path)
    annotations, path = tmp_path / "clip_annotations.json", tmp_path / "decisions.json"
    zones = Zone(Cover.SHOW, Stretch(66, 167), id=1), Zone(Cover.COVER, Stretch(67, 101), CORNER)
    write(path, replace(begun(annotations), timescale=1000, zones=zones))
    redactor.redact(clip, tmp_path / "out.mp4", Options(BlurType.BLACK, annotations=annotations, decisions=path))
    pictures = read_video(tmp_path / "out.mp4").pictures
    faces = [scene.face.centre for scene in walk(12, 320, 240)]
    assert [n for n, picture in enumerate(pictures) if not is_black(picture, *faces[n])] == [2, 3, 4]
    assert [n for n, picture in enumerate(pictures) if is_black(picture, 56, 212)] == [2, 3]


def test_the_command_counts_what_was_applied(
    analyzed: Path, walking_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from redactor.cli import app

    path = tmp_path / "decisions.json"
    drawing = Drawing((Keyframe(0, CORNER),), between(0, 2), follow=False)
    write(path, replace(begun(analyzed), people=(Person(1, SHOW),), drawings=(drawing,)))
    copied = shutil.copy(analyzed, tmp_path / "annotations.json")
    arguments = [str(walking_clip), str(tmp_path / "out.mp4"), "--mode", "redact", "--annotations", str(copied)]
    app(["redact", *arguments, "--decisions", str(path), "--json"], standalone_mode=False)
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["decisions"] == {
        "shown": 1,
        "removed": 0,
        "drawings": [{"frames": 2, "start": 0, "end": 1024, "begins": None, "ends": None}],
        "zones": [],
        "sound": 0,
    }


def test_verification_knows_who_is_shown_on_purpose(
    analyzed: Path, walking_clip: Path, decided: Callable[..., Outcome], tmp_path: Path
) -> None:
    path = tmp_path / "decisions.json"
    zone = Zone(Cover.SHOW, between(20, 30))
    decided(people=(Person(1, HIDE),), zones=(zone,))
    found = redactor.verify(walking_clip, tmp_path / "out.mp4")
    assert (found.bare[0].first_frame, found.bare[-1].last_frame) == (20, 29)
    assert not redactor.verify(walking_clip, tmp_path / "out.mp4", Options(annotations=analyzed, decisions=path)).bare
    write(path, begun(analyzed))
    assert redactor.verify(walking_clip, tmp_path / "out.mp4", Options(annotations=analyzed, decisions=path)).bare
