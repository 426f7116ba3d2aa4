"""Faces are gone from every frame, with every blur type that hides them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import redactor
from redactor import BlurType, Options, Quality, Resolution
from redactor.geometry import Box
from redactor.networks.yunet import YuNet


@pytest.fixture(scope="session")
def detector() -> YuNet:
    return YuNet()


@pytest.fixture
def redacted(walking_clip: Path, tmp_path: Path, read_video: Any) -> Callable[[BlurType], list[NDArray[np.uint8]]]:
    """Return the walking clip's pictures, RGB, after a run with a blur type."""

    def run(blur_type: BlurType) -> list[NDArray[np.uint8]]:
        out = tmp_path / f"{blur_type}.mp4"
        redactor.redact(walking_clip, out, Options(blur_type=blur_type))
        pictures: list[NDArray[np.uint8]] = read_video(out).pictures
        return pictures

    return run


def faces(detector: YuNet, picture: NDArray[np.uint8]) -> int:
    return len(detector.detect(np.ascontiguousarray(picture[:, :, ::-1]), 0.5))


def inside(picture: NDArray[np.uint8], box: Box) -> NDArray[np.int_]:
    cut = picture[max(0, int(box.top)) : int(box.bottom), max(0, int(box.left)) : int(box.right)]
    return cut.astype(np.int_)


def test_the_face_of_the_clip_is_one_a_detector_finds(walking_clip: Path, read_video: Any, detector: YuNet) -> None:
    assert [faces(detector, picture) for picture in read_video(walking_clip).pictures] == [1] * 40


def test_paths_may_be_strings(walking_clip: Path, tmp_path: Path) -> None:
    redactor.analyze(str(walking_clip), str(tmp_path))
    options = Options(annotations=str(tmp_path / "walk_annotations.json"))
    result = redactor.redact(str(walking_clip), str(tmp_path / "out.mp4"), options)
    assert (result.frames_with_faces, (tmp_path / "out.mp4").is_file()) == (40, True)


@pytest.mark.parametrize("blur_type", [BlurType.HIGH, BlurType.BLACK])
def test_no_detector_finds_the_face_on_any_frame(
    blur_type: BlurType, redacted: Callable[[BlurType], list[NDArray[np.uint8]]], detector: YuNet
) -> None:
    assert [faces(detector, picture) for picture in redacted(blur_type)] == [0] * 40


@pytest.mark.parametrize("blur_type", [BlurType.LOW, BlurType.MED, BlurType.HIGH, BlurType.BLACK])
def test_every_frame_is_changed_where_the_face_is(
    blur_type: BlurType,
    walking_clip: Path,
    walk: Any,
    redacted: Callable[[BlurType], list[NDArray[np.uint8]]],
    read_video: Any,
) -> None:
    before = read_video(walking_clip).pictures
    changes = [
        np.abs(inside(one, scene.face) - inside(other, scene.face)).mean()
        for one, other, scene in zip(before, redacted(blur_type), walk(40, 320, 240), strict=True)
    ]
    assert min(changes) > 4


def test_box_draws_an_outline_and_leaves_the_face(
    walking_clip: Path, walk: Any, redacted: Callable[[BlurType], list[NDArray[np.uint8]]], read_video: Any
) -> None:
    before, after = read_video(walking_clip).pictures, redacted(BlurType.BOX)
    scene = walk(40, 320, 240)[20]
    core = np.abs(inside(before[20], scene.face.scaled(0.6)) - inside(after[20], scene.face.scaled(0.6)))
    assert core.mean() < 10  # encoding noise beside the bright outline
    around = np.abs(inside(before[20], scene.face.scaled(1.6)) - inside(after[20], scene.face.scaled(1.6)))
    assert around.max() > 80


def test_black_is_black(walk: Any, redacted: Callable[[BlurType], list[NDArray[np.uint8]]]) -> None:
    after = redacted(BlurType.BLACK)
    scene = walk(40, 320, 240)[20]
    assert inside(after[20], scene.face).mean() < 6


@pytest.mark.parametrize("quality", list(Quality))
@pytest.mark.parametrize("resolution", list(Resolution))
def test_every_setting_covers_a_plain_face(
    quality: Quality, resolution: Resolution, walking_clip: Path, tmp_path: Path
) -> None:
    result = redactor.redact(walking_clip, tmp_path / "out.mp4", Options(quality=quality, resolution=resolution))
    assert (result.frames_with_faces, result.faces) == (40, 1)


def test_accurate_looks_at_every_frame_and_the_others_at_some(walking_clip: Path, tmp_path: Path) -> None:
    fast, balanced, accurate = (
        redactor.redact(walking_clip, tmp_path / "out.mp4", Options(quality=quality)).detections for quality in Quality
    )
    assert 0 < fast <= balanced < accurate == 40


def test_result_counts_what_was_found(walking_clip: Path, tmp_path: Path) -> None:
    result = redactor.redact(walking_clip, tmp_path / "out.mp4")
    assert (result.frames, result.frames_with_faces, result.faces) == (40, 40, 1)
    assert result.detections >= 10


def test_a_video_without_faces_passes_through(
    walk: Any, recipe: Any, make_clip: Any, tmp_path: Path, read_video: Any
) -> None:
    scenes = [type(s)(np.ascontiguousarray(s.pixels[:, :40].repeat(8, axis=1)), None) for s in walk(10, 320, 240)]
    clip = make_clip(scenes, recipe())
    result = redactor.redact(clip, tmp_path / "out.mp4")
    assert (result.frames, result.frames_with_faces, result.faces, result.detections) == (10, 0, 0, 0)
    assert len(read_video(tmp_path / "out.mp4").times) == 10


def test_progress_counts_every_frame(walking_clip: Path, tmp_path: Path) -> None:
    seen: list[redactor.Progress] = []
    redactor.redact(walking_clip, tmp_path / "out.mp4", on_progress=seen.append)
    assert [progress.frame for progress in seen] == list(range(1, 41))
    assert {progress.frames for progress in seen} == {40}
    assert all(0 < progress.percent < 100 for progress in seen)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_people_who_lie_sideways_are_found_though_the_file_does_not_say_so(
    quarters: int, walk: Any, recipe: Any, make_clip: Any, tmp_path: Path
) -> None:
    lying = [type(s)(np.ascontiguousarray(np.rot90(s.pixels, quarters)), None) for s in walk(12, 320, 240)]
    result = redactor.redact(make_clip(lying, recipe()), tmp_path / "out.mp4")
    assert (result.frames_with_faces, result.faces) == (12, 1)
