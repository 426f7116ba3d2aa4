"""One person gets one id, and two people never share one."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

import redactor
from redactor.geometry import Box
from redactor.networks.sface import Recogniser
from redactor.people.identities import DIFFERENT, Identities, Sample, group

FACE = Box(168, 62, 280, 208)  # forehead to chin in the 512x512 astronaut


@pytest.fixture(scope="module")
def head() -> NDArray[np.uint8]:
    """Return the astronaut's head, 140 pixels wide, RGB."""
    picture = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    return np.asarray(cv2.resize(picture[20:250, 120:330], (140, 153), interpolation=cv2.INTER_AREA))


@pytest.fixture
def film(make_clip: Any, recipe: Any, walk: Any) -> Any:
    """Return a function from shots (background's seed, heads with places, number of frames) to a clip."""
    scene = type(walk(1, 32, 32)[0])

    def make(*shots: tuple[int, list[tuple[NDArray[np.uint8], int, int]], int]) -> Path:
        scenes = []
        for seed, heads, frames in shots:
            tiles = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
            picture = np.asarray(cv2.resize(tiles, (480, 360), interpolation=cv2.INTER_NEAREST))
            for pixels, left, top in heads:
                picture[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
            scenes += [scene(picture, None)] * frames
        clip: Path = make_clip(scenes, recipe(audio=()))
        return clip

    return make


def ids(folder: Path) -> list[list[int]]:
    """Return the ids in each frame."""
    document = json.loads((folder / "clip_annotations.json").read_text())
    return [[e["id"] for e in events] for fragment in document["fragments"] for events in fragment["events"]]


def thumbnails(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jpg"))


def test_who_comes_back_after_a_cut_or_an_absence_keeps_the_id(film: Any, head: Any, tmp_path: Path) -> None:
    mirrored = np.ascontiguousarray(head[:, ::-1])
    clip = film((1, [(head, 40, 60)], 10), (2, [(mirrored, 300, 150)], 10), (3, [], 50), (3, [(head, 150, 20)], 10))
    assert redactor.analyze(clip, tmp_path).faces == 1
    found = ids(tmp_path)
    assert [found[5], found[15], found[45], found[75]] == [[1], [1], [], [1]]
    assert thumbnails(tmp_path) == ["clip_thumb000001.jpg"]


def test_two_in_one_frame_are_two_however_alike_and_a_third_look_is_given_to_neither(
    film: Any, head: Any, tmp_path: Path
) -> None:
    clip = film((1, [(head, 20, 60), (head, 300, 60)], 10), (2, [(head, 160, 150)], 10))
    assert redactor.analyze(clip, tmp_path).faces == 3
    found = ids(tmp_path)
    assert (sorted(found[5]), found[15]) == ([1, 2], [3])
    assert len(thumbnails(tmp_path)) == 3


def test_somebody_else_in_the_same_place_gets_another_id_cut_or_no_cut(film: Any, head: Any, tmp_path: Path) -> None:
    """The negative is a face for the detector, and a stranger for the recogniser."""
    other = 255 - head
    clip = film((1, [(head, 160, 100)], 12), (1, [(other, 160, 100)], 24), (2, [(other, 160, 100)], 12))
    redactor.analyze(clip, tmp_path)
    found = ids(tmp_path)
    assert found[6] == [1]
    assert found[34] == found[40] == [2]


def test_who_comes_back_in_another_s_place_has_another_id_from_the_first_frame_on(
    film: Any, head: Any, tmp_path: Path
) -> None:
    clip = film((1, [(head, 160, 100)], 80), (1, [], 12), (1, [(255 - head, 160, 100)], 16))
    redactor.analyze(clip, tmp_path)
    found = ids(tmp_path)
    assert {tuple(one) for one in found[:80]} == {(1,)}
    assert {tuple(one) for one in found[92:]} == {(2,)}


def test_a_place_interpolated_across_a_flash_belongs_to_the_face_before_and_after(
    film: Any, head: Any, tmp_path: Path
) -> None:
    shown = [(head, 160, 100)]
    assert redactor.analyze(film((1, shown, 12), (2, [], 3), (1, shown, 12)), tmp_path).faces == 1
    assert ids(tmp_path)[13] == [1]


def test_a_place_interpolated_between_two_people_belongs_to_neither(film: Any, head: Any, tmp_path: Path) -> None:
    redactor.analyze(film((1, [(head, 160, 100)], 12), (2, [], 3), (1, [(255 - head, 160, 100)], 12)), tmp_path)
    found = ids(tmp_path)
    assert len({found[6][0], found[13][0], found[20][0]}) == 3


@pytest.mark.parametrize(
    ("similarities", "distinct", "expected"),
    [
        ([[1.0, 0.4], [0.4, 1.0]], [], [[0], [1]]),
        ([[1.0, 0.7], [0.7, 1.0]], [], [[0, 1]]),
        ([[1.0, 0.9], [0.9, 1.0]], [(0, 1)], [[0], [1]]),
        # similar to a chain's end, but not to the whole chain
        ([[1.0, 0.8, 0.2], [0.8, 1.0, 0.7], [0.2, 0.7, 1.0]], [], [[0, 1], [2]]),
        # equally similar to two people
        ([[1.0, 0.5, 0.8], [0.5, 1.0, 0.75], [0.8, 0.75, 1.0]], [(0, 1)], [[0], [1], [2]]),
        ([[1.0, 0.5, 0.8], [0.5, 1.0, 0.6], [0.8, 0.6, 1.0]], [(0, 1)], [[0, 2], [1]]),
        # distinct from one member is distinct from the whole group
        ([[1.0, 0.9, 0.6], [0.9, 1.0, 0.6], [0.6, 0.6, 1.0]], [(0, 2)], [[0, 1], [2]]),
    ],
)
def test_only_clearly_similar_appearances_are_joined(
    similarities: list[list[float]], distinct: list[tuple[int, int]], expected: list[list[int]]
) -> None:
    apart = np.zeros((len(similarities), len(similarities)), np.bool_)
    for one, other in distinct:
        apart[one, other] = apart[other, one] = True
    assert sorted(sorted(rows) for rows in group(np.array(similarities, np.float32), apart)) == expected


def sample(*direction: float) -> Sample:
    embedding = np.array(direction, np.float32)
    return Sample(embedding / np.float32(np.linalg.norm(embedding)), 100.0)


def test_an_appearance_with_contradictory_samples_stays_alone() -> None:
    identities = Identities()
    for number, samples in enumerate([[sample(1, 0)], [sample(1, 0), sample(0, 1)], [sample(1, 0.1)]]):
        identities.begin(number)
        for one in samples:
            identities.add(number, one)
    assert sorted(map(sorted, identities.people())) == [[0, 2], [1]]


def test_a_face_is_like_itself_in_other_light_and_size_and_unlike_a_stranger() -> None:
    recogniser = Recogniser()
    picture = np.ascontiguousarray(np.asarray(data.astronaut(), np.uint8)[..., ::-1])  # type: ignore[no-untyped-call]

    def similarity(pixels: NDArray[np.uint8], box: Box) -> float:
        one, other = (recogniser.portrait(*each) for each in ((picture, FACE), (pixels, box)))
        assert one is not None
        assert other is not None
        return float(np.dot(recogniser.embedding(one), recogniser.embedding(other)))

    half = np.asarray(cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    lying = np.ascontiguousarray(np.rot90(picture))
    assert similarity(np.asarray(picture * 0.4, np.uint8), FACE) > 0.8
    assert similarity(half, FACE.stretched(0.5, 0.5)) > 0.8
    assert similarity(lying, FACE.stretched(1 / 512, 1 / 512).turned(1).stretched(512, 512)) > 0.8
    assert similarity(255 - picture, FACE) < DIFFERENT


def test_a_large_face_just_outside_the_picture_has_no_portrait() -> None:
    picture = np.full((1080, 1920, 3), 90, np.uint8)
    below, within = Box(600, 1260, 1200, 1860), Box(600, 700, 1200, 1300)
    recogniser = Recogniser()
    assert recogniser.portrait(picture, below.moved(0, -1)) is None
    assert recogniser.portrait(picture, within) is not None
