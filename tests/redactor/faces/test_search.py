"""The search for faces in single frames, without tracking."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor import Options, Quality
from redactor.faces.search import Search
from redactor.geometry import Box
from redactor.networks.centerface import CenterFace
from redactor.networks.detection import Detection
from redactor.networks.yunet import YuNet
from redactor.video.source import Source

type MakeSearch = Callable[..., Search]


@pytest.fixture
def search(walk: Any, make_clip: Any, recipe: Any) -> MakeSearch:
    """Return a search for frames of 1280x720 at 25 a second."""

    def made(quality: Quality = Quality.BALANCED) -> Search:
        with Source(make_clip(walk(2, 1280, 720), recipe(audio=()))) as source:
            return Search(source.facts, Options(quality=quality), 25.0)

    return made


@pytest.fixture
def scene(walk: Any) -> tuple[NDArray[np.uint8], Box]:
    """Return RGB pixels and the face's place."""
    one = walk(1, 1280, 720)[0]
    return one.pixels, one.face


def frame_of(pixels: NDArray[np.uint8]) -> VideoFrame:
    return VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")


def sizes_seen(network: type[YuNet | CenterFace], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the longer side of each picture that such a network gets."""
    sides: list[int] = []
    detect = network.detect

    def noting(self: Any, picture: Any, least_score: float) -> Any:
        sides.append(max(picture.shape[:2]))
        return detect(self, picture, least_score)

    monkeypatch.setattr(network, "detect", noting)
    return sides


def test_a_large_and_a_small_picture_take_turns_and_a_scene_begins_with_the_large_one(
    search: MakeSearch, scene: tuple[NDArray[np.uint8], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = sizes_seen(YuNet, monkeypatch)
    looking, frame = search(), frame_of(scene[0])
    for index, cut in enumerate([True, False, False, True, False]):
        looking.faces(index, frame, cut=cut)
    all_sides = 4
    assert sides == [640] * all_sides + [480, 640] + [640] * all_sides + [480]


def test_accurate_asks_a_second_network_about_every_picture(
    search: MakeSearch, scene: tuple[NDArray[np.uint8], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = sizes_seen(CenterFace, monkeypatch)
    looking, frame = search(Quality.ACCURATE), frame_of(scene[0])
    for index in range(3):
        looking.faces(index, frame, cut=index == 0)
    assert sides == [640, 640, 640]


def test_what_only_the_second_network_sees_is_a_sure_face(
    search: MakeSearch, scene: tuple[NDArray[np.uint8], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(YuNet, "detect", lambda *_: [])
    (found,) = search(Quality.ACCURATE).faces(0, frame_of(scene[0]), cut=True)
    assert found.score >= 0.9
    assert found.box.overlap(scene[1]) > 0.6


@pytest.mark.parametrize(("light", "brightened"), [(1.0, False), (0.2, True)])
def test_shadows_are_lifted_where_the_picture_is_dark(
    light: float,
    brightened: bool,
    search: MakeSearch,
    scene: tuple[NDArray[np.uint8], Box],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shades: list[float] = []

    def noting(_: Any, picture: NDArray[np.uint8], __: float) -> list[Detection]:
        shades.append(float(picture.mean()))
        return []

    monkeypatch.setattr(YuNet, "detect", noting)
    pixels = (scene[0] * light).astype(np.uint8)
    search().faces(0, frame_of(pixels), cut=True)
    assert (shades[-1] > 1.3 * pixels.mean()) == brightened


def test_a_closer_look_rejects_what_is_no_face(search: MakeSearch, scene: tuple[NDArray[np.uint8], Box]) -> None:
    looking = search()
    looking.faces(0, frame_of(scene[0]), cut=True)
    suit = scene[1].moved(0, 1.6 * scene[1].height)
    assert looking.is_face(scene[1], 0.4)
    assert not looking.is_face(suit, 0.4)
    assert not looking.is_face(suit, 0.89)


def test_a_closer_look_recognises_somebody_who_lies(search: MakeSearch, scene: tuple[NDArray[np.uint8], Box]) -> None:
    pixels, face = scene
    square = np.ascontiguousarray(np.rot90(pixels[:, :720]))  # a quarter turn anticlockwise: (x, y) to (y, 720 - x)
    lying = np.zeros_like(pixels)
    lying[:, :720] = square
    looking = search()
    looking.faces(0, frame_of(lying), cut=True)
    assert looking.is_face(Box(face.top, 720 - face.right, face.bottom, 720 - face.left), 0.85)
