"""Still pictures: redacted, upright, without metadata, and unchanged elsewhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import redactor
from redactor import BlurType, ConfigurationUnsupported, ContentMalformed, Options

BLACK = Options(blur_type=BlurType.BLACK)
ORIENTATION, MAKER = 0x0112, 0x010F


@pytest.fixture
def photo(walk: Any) -> Any:
    """Return a picture of 640x480 with one face, and the face's box."""
    (scene,) = walk(1, 640, 480)
    return scene


def test_a_face_is_covered_and_every_other_pixel_of_a_png_stays(photo: Any, tmp_path: Path) -> None:
    Image.fromarray(photo.pixels).save(tmp_path / "photo.png")
    result = redactor.redact(tmp_path / "photo.png", tmp_path / "out.png", BLACK)
    assert (result.frames, result.frames_with_faces, result.faces) == (1, 1, 1)
    assert (result.width, result.height, result.dropped) == (640, 480, ("metadata",))
    after = np.asarray(Image.open(tmp_path / "out.png"))
    x, y = (round(share) for share in photo.face.centre)
    assert after[y - 8 : y + 8, x - 8 : x + 8].max() < 8
    changed = (after != photo.pixels).any(axis=2)
    around = photo.face.scaled(1.6)
    changed[max(0, int(around.top)) : int(around.bottom), max(0, int(around.left)) : int(around.right)] = False
    assert not changed.any()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photograph_comes_back_upright_and_without_metadata(orientation: int, photo: Any, tmp_path: Path) -> None:
    stored = np.rot90(photo.pixels, {1: 0, 3: 2, 6: 1, 8: 3}[orientation])
    tags = Image.Exif()
    tags[ORIENTATION], tags[MAKER] = orientation, "Camera of Jo"
    Image.fromarray(np.ascontiguousarray(stored)).save(
        tmp_path / "photo.jpg", quality=95, exif=tags, comment=b"Camera of Jo"
    )
    redactor.redact(tmp_path / "photo.jpg", tmp_path / "out.jpg", BLACK)
    with Image.open(tmp_path / "out.jpg") as out:
        assert out.size == (640, 480)
        assert not out.getexif()
        pixels = np.asarray(out)
    assert b"Camera of Jo" not in (tmp_path / "out.jpg").read_bytes()
    x, y = (round(share) for share in photo.face.centre)
    assert pixels[y - 8 : y + 8, x - 8 : x + 8].max() < 20
    assert np.abs(pixels[300:].astype(int) - photo.pixels[300:]).mean() < 4


def test_transparency_is_kept(photo: Any, tmp_path: Path) -> None:
    opacity = np.tile(np.arange(640) % 256, (480, 1)).astype(np.uint8)
    Image.fromarray(np.dstack([photo.pixels, opacity])).save(tmp_path / "photo.png")
    redactor.redact(tmp_path / "photo.png", tmp_path / "out.png", BLACK)
    after = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.array_equal(after[:, :, 3], opacity)


@pytest.mark.parametrize(
    ("source", "destination", "options", "error", "message"),
    [
        ("text.jpg", "out.jpg", BLACK, ContentMalformed, r"text\.jpg: not a picture this engine reads"),
        (
            "photo.png",
            "out.mp4",
            BLACK,
            ConfigurationUnsupported,
            r"the output's name must end in \.jpeg, \.jpg, \.png",
        ),
        ("photo.png", "out.png", Options(annotations="a.json"), ConfigurationUnsupported, "are for videos"),
    ],
)
def test_mistakes_are_refused(
    source: str, destination: str, options: Options, error: Any, message: str, photo: Any, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    Image.fromarray(photo.pixels).save(tmp_path / "photo.png")
    with pytest.raises(error, match=message):
        redactor.redact(tmp_path / source, tmp_path / destination, options)
    assert not (tmp_path / destination).exists()


def test_a_still_is_not_analysed(photo: Any, tmp_path: Path) -> None:
    Image.fromarray(photo.pixels).save(tmp_path / "photo.png")
    with pytest.raises(ConfigurationUnsupported, match="is a still picture, which is redacted at once"):
        redactor.analyze(tmp_path / "photo.png", tmp_path)
