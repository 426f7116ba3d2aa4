"""Drawn things are followed: forwards, backwards, between keyframes, and to a cut, the picture's edge or a loss."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

import redactor
from redactor import BlurType, Options
from redactor.geometry import Box
from redactor.results import AppliedDrawing
from redactor.review import following
from redactor.review.decisions import Decisions, Drawing, Keyframe, Stretch
from redactor.review.writing import write
from redactor.video.identity import identity

WIDTH, HEIGHT, TICK, FRAMES = 320, 240, 512, 30
COVERED = 0.9

type Picture = NDArray[np.uint8]
type Place = Callable[[int], Box | None]


def wall(seed: int) -> Picture:
    """Return a blurred, bright background."""
    noise = np.random.default_rng(seed).uniform(60, 255, (HEIGHT // 8, WIDTH // 8, 3)).astype(np.float32)
    return np.asarray(cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(50, 255), np.uint8)


def sign(width: int, height: int) -> Picture:
    """Return a picture of a cat, which is no face to the engine."""
    cat = np.asarray(data.chelsea(), np.uint8)[40:240, 120:320]  # type: ignore[no-untyped-call]
    return np.asarray(cv2.resize(cat, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def drift(frame: int) -> Box:
    """The sign moves to the lower right, and grows."""
    width, height = 40 + frame * 0.5, 36 + frame * 0.45
    return Box(40 + 5.0 * frame, 50 + 3 * frame, 40 + 5.0 * frame + width, 50 + 3 * frame + height)


def film(place: Place, scene: Any, cut: int = 1000, count: int = FRAMES) -> list[Any]:
    """Return pictures of a sign at these places. After `cut` the wall is another one."""
    scenes = []
    for frame in range(count):
        pixels, box = wall(1 if frame < cut else 2), place(frame)
        if box is not None:
            width, height = round(box.width), round(box.height)
            left, top = round(box.left), round(box.top)
            room = np.zeros((HEIGHT + 400, WIDTH + 400, 3), np.uint8)
            room[200:-200, 200:-200] = pixels
            room[200 + top : 200 + top + height, 200 + left : 200 + left + width] = sign(width, height)
            pixels = np.ascontiguousarray(room[200:-200, 200:-200])
        scenes.append(scene(pixels, None))
    return scenes


def keyframe(frame: int, box: Box) -> Keyframe:
    return Keyframe(frame * TICK, box.stretched(1 / WIDTH, 1 / HEIGHT))


@pytest.fixture
def followed(
    recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> Callable[..., tuple[list[float], AppliedDrawing]]:
    """Return a function that covers a drawing on a film, and returns each frame's black share of the sign."""

    def run(scenes: list[Any], place: Place, drawing: Drawing) -> tuple[list[float], AppliedDrawing]:
        clip = make_clip(scenes, recipe(audio=()))
        path = tmp_path / "decisions.json"
        write(path, Decisions(12800, identity(clip), drawings=(drawing,)))
        result = redactor.redact(clip, tmp_path / "out.mp4", Options(BlurType.BLACK, decisions=path))
        assert result.decisions is not None
        pictures = read_video(tmp_path / "out.mp4").pictures
        shares = [black(picture, place(frame)) for frame, picture in enumerate(pictures)]
        return shares, result.decisions.drawings[0]

    return run


def black(picture: Picture, box: Box | None) -> float:
    """Return the black share of what is visible of the box, or of the whole picture."""
    box = box or Box(0, 0, WIDTH, HEIGHT)
    rows = slice(max(0, round(box.top)), max(0, round(box.bottom)))
    return float((picture[rows, max(0, round(box.left)) : max(0, round(box.right))].max(axis=-1) < 16).mean())


@pytest.mark.parametrize("drawn", [(0,), (29,), (15,), (0, 29), (0, 12, 29)])
def test_a_moving_thing_is_covered_in_every_frame(drawn: tuple[int, ...], scene: Any, followed: Any) -> None:
    drawing = Drawing(tuple(keyframe(frame, drift(frame)) for frame in drawn))
    shares, applied = followed(film(drift, scene), drift, drawing)
    assert [frame for frame, share in enumerate(shares) if share < COVERED] == []
    assert (applied.frames, applied.begins, applied.ends) == (FRAMES, "video", "video")


def test_a_keyframe_corrects_the_way_on_both_sides(scene: Any, followed: Any) -> None:
    """Two things cross; the keyframe says which one was meant."""
    drawing = Drawing((keyframe(0, drift(0)), keyframe(20, drift(20).moved(-60, 0))))
    shares, _ = followed(film(drift, scene), lambda frame: drift(20).moved(-60, 0) if frame == 20 else None, drawing)
    assert shares[20] >= COVERED


@pytest.mark.parametrize(("drawn", "covered"), [(5, range(12)), (20, range(12, FRAMES))])
def test_a_cut_ends_it_in_both_directions(drawn: int, covered: range, scene: Any, followed: Any) -> None:
    shares, applied = followed(film(drift, scene, cut=12), drift, Drawing((keyframe(drawn, drift(drawn)),)))
    assert [frame for frame, share in enumerate(shares) if share >= COVERED] == list(covered)
    assert (applied.start, applied.end) == (covered.start * TICK, covered.stop * TICK)
    assert (applied.begins, applied.ends) == (("video", "cut") if drawn == 5 else ("cut", "video"))


def test_a_set_stretch_ends_it(scene: Any, followed: Any) -> None:
    drawing = Drawing((keyframe(15, drift(15)),), Stretch(10 * TICK, 20 * TICK))
    shares, applied = followed(film(drift, scene), drift, drawing)
    assert [frame for frame, share in enumerate(shares) if share >= COVERED] == list(range(10, 20))
    assert (applied.begins, applied.ends) == ("set", "set")


def test_it_is_covered_until_it_has_left_the_picture(scene: Any, followed: Any) -> None:
    def leaving(frame: int) -> Box:
        return Box(200 + 8 * frame, 100, 250 + 8 * frame, 145)

    def visible(frame: int) -> Box | None:
        return leaving(frame) if frame < 14 else None  # then 16 of 50 pixels are in the picture

    shares, applied = followed(film(leaving, scene), visible, Drawing((keyframe(0, leaving(0)),)))
    assert min(shares[:14]) >= COVERED
    assert (applied.ends, applied.end) == ("left", pytest.approx(15 * TICK, abs=2 * TICK))


def test_a_thing_that_is_gone_is_lost(scene: Any, followed: Any) -> None:
    def there(frame: int) -> Box | None:
        return Box(100, 100, 150, 145) if frame < 10 else None

    shares, applied = followed(film(there, scene, count=60), there, Drawing((keyframe(5, Box(100, 100, 150, 145)),)))
    assert min(shares[:10]) >= COVERED
    assert applied.ends == "lost"
    assert 10 * TICK < applied.end < 40 * TICK


def test_a_thing_that_was_hidden_is_covered_again(scene: Any, followed: Any) -> None:
    def there(frame: int) -> Box | None:
        return None if 10 <= frame < 16 else Box(100 + frame, 100, 150 + frame, 145)

    shares, applied = followed(film(there, scene), there, Drawing((keyframe(0, Box(100, 100, 150, 145)),)))
    assert min(share for frame, share in enumerate(shares) if there(frame)) >= COVERED
    assert applied.ends == "video"


def test_a_store_that_does_not_reach_back_changes_nothing(
    scene: Any, followed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = Drawing((keyframe(10, drift(10)), keyframe(29, drift(29))))
    expected = followed(film(drift, scene), drift, drawing)
    monkeypatch.setattr(following, "STORED_BYTES", 60_000)  # three or four pictures
    assert followed(film(drift, scene), drift, drawing) == expected


def test_a_turned_picture_is_followed_in_its_upright_shares(
    scene: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    lying = [replace(one, pixels=np.ascontiguousarray(np.rot90(one.pixels, -1))) for one in film(drift, scene)]
    clip, path = make_clip(lying, recipe(audio=(), rotation=90)), tmp_path / "decisions.json"
    write(path, Decisions(12800, identity(clip), drawings=(Drawing((keyframe(15, drift(15)),)),)))
    redactor.redact(clip, tmp_path / "out.mp4", Options(BlurType.BLACK, decisions=path))
    upright = [np.rot90(picture) for picture in read_video(tmp_path / "out.mp4").pictures]
    assert min(black(picture, drift(frame)) for frame, picture in enumerate(upright)) >= COVERED
