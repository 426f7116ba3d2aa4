"""The search for faces in single frames, without tracking."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor import Options, Quality
from redactor.faces.evidence import CERTAIN, Candidate, demanded
from redactor.faces.search import CLOSE_UP_SIDE, Search
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


def test_glances_at_a_large_and_a_small_picture_take_turns(
    search: MakeSearch, scene: tuple[NDArray[np.uint8], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, frame = search(), frame_of(scene[0])
    looking.careful(0, frame, cut=True)
    sides = sizes_seen(YuNet, monkeypatch)
    for index in range(1, 4):
        looking.glance(index, frame)
    assert sides == [640, 480, 640]


def test_a_careful_look_asks_both_networks_about_enlarged_pictures(
    search: MakeSearch, scene: tuple[NDArray[np.uint8], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    yunet, centerface = sizes_seen(YuNet, monkeypatch), sizes_seen(CenterFace, monkeypatch)
    look = search().careful(0, frame_of(scene[0]), cut=True)
    all_sides = 4
    assert yunet == [640] * all_sides + [1280]
    assert centerface[0] == 960
    assert look.candidates[0].box.overlap(scene[1]) > 0.6


def test_accurate_asks_both_networks_about_every_picture(
    search: MakeSearch, scene: tuple[NDArray[np.uint8], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = sizes_seen(CenterFace, monkeypatch)
    looking, frame = search(Quality.ACCURATE), frame_of(scene[0])
    for index in range(3):
        looking.glance(index, frame)
    assert [side for side in sides if side > CLOSE_UP_SIDE] == [960] * 3


def test_what_only_the_second_network_sees_is_a_likely_face(
    search: MakeSearch, scene: tuple[NDArray[np.uint8], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(YuNet, "detect", lambda *_: [])
    found = search(Quality.ACCURATE).careful(0, frame_of(scene[0]), cut=True).candidates[0]
    assert found.yunet == 0
    assert found.odds >= demanded(0.001)
    assert found.box.overlap(scene[1]) > 0.6


def test_a_face_is_followed_where_it_is_expected(search: MakeSearch, scene: tuple[NDArray[np.uint8], Box]) -> None:
    look = search().glance(0, frame_of(scene[0]))
    face = scene[1]
    near, far = face.moved(0.4 * face.width, 0.2 * face.height), face.moved(-3 * face.width, 0)
    found, nothing = look.follow([near, far])
    assert found is not None
    assert found.box.overlap(face) > 0.45
    assert nothing is None


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
    search().careful(0, frame_of(pixels), cut=True)
    assert (shades[-1] > 1.3 * pixels.mean()) == brightened


def test_a_closer_look_rejects_what_is_no_face(search: MakeSearch, scene: tuple[NDArray[np.uint8], Box]) -> None:
    look = search().glance(0, frame_of(scene[0]))
    suit = scene[1].moved(0, 1.6 * scene[1].height)
    share = scene[1].area / (1280 * 720)
    assert look.closer(Candidate(scene[1], 0.4)).odds >= demanded(share)
    assert look.closer(Candidate(suit, 0.4)).odds < demanded(share)
    assert look.closer(Candidate(suit, 0.75)).odds < demanded(share)


def test_a_closer_look_recognises_somebody_who_lies(search: MakeSearch, scene: tuple[NDArray[np.uint8], Box]) -> None:
    pixels, face = scene
    square = np.ascontiguousarray(np.rot90(pixels[:, :720]))  # a quarter turn anticlockwise: (x, y) to (y, 720 - x)
    lying = np.zeros_like(pixels)
    lying[:, :720] = square
    look = search().glance(0, frame_of(lying))
    turned = Candidate(Box(face.top, 720 - face.right, face.bottom, 720 - face.left), 0.85)
    assert look.closer(turned).odds >= CERTAIN
