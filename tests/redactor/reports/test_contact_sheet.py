from collections.abc import Callable, Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from redactor import ConfigurationUnsupported, ContentMalformed
from redactor.geometry import Box
from redactor.people.annotations import Annotations, Event, Fragment
from redactor.reports.contact_sheet import CAPTION, COLUMNS, MARGIN, write_comparison, write_preview

pytestmark = pytest.mark.video

type Picture = NDArray[np.uint8]
GREY = 128


def film(path: Path, pictures: Iterable[Picture], *, rate: int = 10, rotation: int = 0) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate, options={"crf": "10", "g": "20"})
        stream.pix_fmt = "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        stream.width, stream.height = 160, 90
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


def grey(level: int = GREY) -> Picture:
    return np.full((90, 160, 3), level, np.uint8)


def with_square(picture: Picture) -> Picture:
    changed = picture.copy()
    changed[30:60, 60:90] = 255
    return changed


def cells(sheet: Path) -> list[tuple[Picture, Picture]]:
    """Return (original, redacted) of each column."""
    picture = np.asarray(cv2.imread(str(sheet)), np.uint8)
    rows, columns = picture.shape[:2]
    height, width = rows // 2 - MARGIN - CAPTION, (columns - MARGIN) // COLUMNS - MARGIN
    found = []
    for column in range(COLUMNS):
        x = MARGIN + column * (width + MARGIN)
        tops = (CAPTION, 2 * CAPTION + height + MARGIN)
        found.append(tuple(picture[y : y + height, x : x + width] for y in tops))
    return [(original, redacted) for original, redacted in found]


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[[Path, Path], list[tuple[Picture, Picture]]]:
    def make(original: Path, redacted: Path) -> list[tuple[Picture, Picture]]:
        write_comparison(original, redacted, tmp_path / "sheet.png")
        assert not (tmp_path / "sheet.partial.png").exists()
        return cells(tmp_path / "sheet.png")

    return make


type MakeSheet = Callable[[Path, Path], list[tuple[Picture, Picture]]]


def test_shows_frames_that_redaction_changed(tmp_path: Path, sheet: MakeSheet) -> None:
    before = film(tmp_path / "before.mp4", (grey() for _ in range(60)))
    after = film(tmp_path / "after.mp4", (with_square(grey()) if 20 <= i < 40 else grey() for i in range(60)))
    for original, redacted in sheet(before, after):
        assert original.max() < 150
        assert redacted.max() > 230


def test_sets_the_same_moments_against_each_other_far_into_a_film(tmp_path: Path, sheet: MakeSheet) -> None:
    levels = [20 + number % 200 for number in range(1000)]
    before = film(tmp_path / "before.mp4", (grey(level) for level in levels))
    after = film(tmp_path / "after.mp4", (with_square(grey(level)) for level in levels))
    shown = [(original[5, 5, 0], redacted[5, 5, 0]) for original, redacted in sheet(before, after)]
    assert all(abs(int(original) - int(redacted)) <= 2 for original, redacted in shown)
    assert len({original for original, _ in shown}) == COLUMNS


def test_shows_frames_even_if_nothing_changed(tmp_path: Path, sheet: MakeSheet) -> None:
    film(tmp_path / "same.mp4", (grey() for _ in range(8)))
    for original, redacted in sheet(tmp_path / "same.mp4", tmp_path / "same.mp4"):
        assert (original == redacted).all()


def test_shows_a_rotated_film_upright(tmp_path: Path, sheet: MakeSheet) -> None:
    left_white = grey(0)
    left_white[:, :80] = 255
    stored = film(tmp_path / "turned.mp4", (left_white for _ in range(8)), rotation=-90)
    for original, redacted in sheet(stored, stored):
        for shown in (original, redacted):
            height, width = shown.shape[:2]
            assert height > width
            assert shown[: height // 3].min() > 200  # turned clockwise, left is up
            assert shown[-height // 3 :].max() < 50


def test_names_what_is_not_a_video_and_leaves_nothing(tmp_path: Path) -> None:
    good = film(tmp_path / "good.mp4", (grey() for _ in range(8)))
    text = tmp_path / "text.mp4"
    text.write_text("not a video")
    sound = tmp_path / "sound.mp4"
    with av.open(sound, "w") as container:
        stream = container.add_stream("aac", 48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for bad in (text, sound, tmp_path / "missing.mp4"):
        with pytest.raises(ContentMalformed, match=bad.name) as error:
            write_comparison(good, bad, tmp_path / "sheet.png")
        assert "\n" not in str(error.value)
    assert not (tmp_path / "sheet.png").exists()


def test_a_preview_shows_moments_spread_over_the_film(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", (grey(10 + number) for number in range(200)))
    write_preview(clip, tmp_path / "preview.png")
    levels = [int(top[5, 5, 0]) for top, _ in cells(tmp_path / "preview.png")]
    levels += [int(bottom[5, 5, 0]) for _, bottom in cells(tmp_path / "preview.png")]
    assert all(abs(level - (10 + 25 * number + 12)) <= 6 for number, level in enumerate(levels))


def test_a_preview_of_an_analysis_outlines_faces_where_they_are(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", (grey() for _ in range(80)))
    face = Event(7, Box(0.25, 0.5, 0.5, 0.75))
    annotations = Annotations(10, 0, [Fragment(0, 40, 40, [[]]), Fragment(40, 40, 40, [[face]])])
    write_preview(clip, tmp_path / "preview.png", annotations)
    for top, bottom in cells(tmp_path / "preview.png"):
        height, width = top.shape[:2]
        assert np.ptp(top) <= 4
        rows, columns = np.nonzero(np.ptp(bottom[height // 2 - 2 :], axis=2) > 60)
        assert (columns.min() / width, columns.max() / width) == pytest.approx((0.25, 0.5), abs=0.02)
        assert (rows.max() + height // 2 - 2) / height == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("name", ["preview.jpg", "missing/preview.png"])
def test_a_place_where_no_picture_can_be_written_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnsupported, match=name.rpartition("/")[2]):
        write_preview(tmp_path / "any.mp4", tmp_path / name)
