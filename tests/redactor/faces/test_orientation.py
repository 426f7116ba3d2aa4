"""People who are sideways or upside down, in a file without a rotation."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from av.packet import Packet
from numpy.typing import NDArray
from skimage import data

from redactor import Options, Quality
from redactor.faces.analysis import Analysis
from redactor.faces.effort import effort
from redactor.geometry import Box
from redactor.masks.masking import footprint
from redactor.networks.yunet import YuNet
from redactor.video.source import Source

FACE = Box(178, 76, 268, 196)  # eyebrows to chin in the 512x512 astronaut
HEIGHTS = (40, 52, 66, 87)  # of faces, in a picture 1920 wide
FRAMES = 4
OPTIONS = Options(quality=Quality.BALANCED)


def people(width: int, turns: Sequence[int]) -> tuple[NDArray[np.uint8], list[Box]]:
    """Return a 16:9 RGB picture with one person of each height, turned by `turns` quarters anticlockwise."""
    picture = np.full((width * 9 // 16, width, 3), (70, 90, 80), np.uint8)
    astronaut = np.asarray(data.astronaut(), np.uint8)[:420]  # type: ignore[no-untyped-call]
    faces = []
    for index, height in enumerate(HEIGHTS):
        factor = height * (width / 1920) / FACE.height
        small = cv2.resize(astronaut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        turn = turns[index % len(turns)]
        pasted = np.rot90(small, turn)
        x, y = round(width * (0.05 + 0.24 * index)), round(width * 0.15)
        picture[y : y + pasted.shape[0], x : x + pasted.shape[1]] = pasted
        shares = FACE.stretched(1 / 512, 1 / 420).turned(turn)
        faces.append(shares.stretched(pasted.shape[1], pasted.shape[0]).moved(x, y))
    return picture, faces


def bare(clip: Any, faces: Sequence[Box]) -> list[int]:
    """Return for each frame the number of `faces`, in stored pixels, that are covered by less than three quarters."""
    counts = []
    with Source(clip) as source:
        facts = source.facts
        for item in Analysis(facts, OPTIONS).run(source.items()):
            if isinstance(item, Packet):
                continue
            boxes = [region.box for region in item.regions]
            masked = footprint(boxes, facts.width, facts.height, effort(OPTIONS).margin)
            shares = [
                masked[round(face.top) : round(face.bottom), round(face.left) : round(face.right)].mean()
                for face in faces
            ]
            counts.append(sum(bool(share < 0.75) for share in shares))
    assert len(counts) == FRAMES
    return counts


@pytest.mark.parametrize("width", [1920, 3840])
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_camera_on_its_side_or_head_hides_nobody(
    turn: int, width: int, make_clip: Any, recipe: Any, scene: Any
) -> None:
    upright, faces = people(width, [0])
    turned = np.ascontiguousarray(np.rot90(upright, turn))
    high, wide = turned.shape[:2]
    places = [face.stretched(1 / width, 1 / upright.shape[0]).turned(turn).stretched(wide, high) for face in faces]
    clip = make_clip([scene(turned, None)] * FRAMES, recipe(audio=()))
    assert bare(clip, places) == [0] * FRAMES


def test_people_who_lie_beside_people_who_stand_are_covered_too(make_clip: Any, recipe: Any, scene: Any) -> None:
    picture, faces = people(1920, [0, 1, 2, 3])
    clip = make_clip([scene(picture, None)] * FRAMES, recipe(audio=()))
    assert bare(clip, faces) == [0] * FRAMES


def test_other_sides_cost_little_while_upright_people_are_in_sight(
    make_clip: Any, recipe: Any, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    detect = YuNet.detect

    def counting(self: Any, picture: Any, least_score: float) -> Any:
        looks.append(1)
        return detect(self, picture, least_score)

    monkeypatch.setattr(YuNet, "detect", counting)
    picture, _ = people(640, [0])
    with Source(make_clip([scene(picture, None)] * 50, recipe(audio=()))) as source:
        for _ in Analysis(source.facts, OPTIONS).run(source.items()):
            pass
    glances, careful = 50 / 3, 3 * (4 + 1)  # careful looks search all four sides
    assert len(looks) < 1.5 * glances + careful
