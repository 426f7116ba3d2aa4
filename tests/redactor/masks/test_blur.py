"""The samples of a face that remain with each blur type."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor import BlurType
from redactor.faces.tracking import Region
from redactor.geometry import Box, Margin
from redactor.masks.blur import HIGH_CELLS, MED_CELLS, Painter
from redactor.masks.masking import footprint
from redactor.video.picture import planes

WIDTH, HEIGHT = 320, 240
FACE = Box(100, 60, 180, 160)
MARGIN = Margin(1.2, 2.5, 0.1)
REGION = Region(1, FACE, seen=True)
FORMATS = ["yuv420p", "yuvj420p", "yuv444p", "yuv420p10le", "yuv444p10le"]


def noisy_frame(pixel_format: str = "yuv420p", seed: int = 1) -> VideoFrame:
    frame = VideoFrame(WIDTH, HEIGHT, pixel_format)
    generator = np.random.default_rng(seed)
    top = 2 ** frame.format.components[0].bits
    for plane in planes(frame):
        plane[...] = generator.integers(top // 8, top * 7 // 8, plane.shape)
    return frame


def sloped_frame(direction: int) -> VideoFrame:
    """A frame that is dark on one side and bright on the other."""
    frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane in planes(frame):
        plane[...] = np.linspace(30, 220, plane.shape[1]).astype(np.uint8)[::direction]
    return frame


def samples(frame: VideoFrame) -> list[NDArray[np.int64]]:
    return [plane.astype(np.int64) for plane in planes(frame)]


def masked(plane: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the samples of a plane that lie completely under the region."""
    covered = footprint([FACE], WIDTH, HEIGHT, MARGIN)
    step = WIDTH // plane.shape[1]
    blocks = covered.reshape(HEIGHT // step, step, WIDTH // step, step)
    return np.asarray(blocks.all(axis=(1, 3)))


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("blur_type", [BlurType.LOW, BlurType.MED, BlurType.HIGH, BlurType.BLACK])
def test_every_sample_under_the_region_is_replaced(blur_type: BlurType, pixel_format: str) -> None:
    frame = noisy_frame(pixel_format)
    before = samples(frame)
    Painter(blur_type, MARGIN).draw(frame, [REGION])
    for one, other in zip(before, samples(frame), strict=True):
        under = masked(one)
        assert (one[under] == other[under]).mean() < 0.05


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("blur_type", list(BlurType))
def test_nothing_beyond_the_region_changes(blur_type: BlurType, pixel_format: str) -> None:
    frame = noisy_frame(pixel_format)
    before = samples(frame)
    Painter(blur_type, MARGIN).draw(frame, [REGION])
    around = MARGIN.around(FACE, WIDTH)
    for one, other in zip(before, samples(frame), strict=True):
        step = WIDTH // one.shape[1]
        changed = np.argwhere(one != other) * step
        assert changed[:, 0].min() >= around.top - 2 * step
        assert changed[:, 0].max() < around.bottom + 2 * step
        assert changed[:, 1].min() >= around.left - 2 * step
        assert changed[:, 1].max() < around.right + 2 * step


@pytest.mark.parametrize("blur_type", [BlurType.MED, BlurType.HIGH])
def test_only_the_means_of_coarse_cells_survive(blur_type: BlurType) -> None:
    """Two faces that differ in nearly every sample, but not in their cells' means, become the same."""
    one, other = noisy_frame(), noisy_frame()
    square = Box(90, 50, 210, 170)
    count = MED_CELLS if blur_type is BlurType.MED else HIGH_CELLS
    for plane in planes(other):
        step = WIDTH // plane.shape[1]
        side = 120 // step // count
        for top in range(50 // step, 170 // step, side):
            for left in range(90 // step, 210 // step, side):
                cell = plane[top : top + side, left : left + side]
                cell[...] = cell[::-1, ::-1].copy()
    assert any((a != b).any() for a, b in zip(samples(one), samples(other), strict=True))
    for frame in (one, other):
        Painter(blur_type, Margin(), np.random.default_rng(1)).draw(frame, [Region(1, square, seen=True)])
    covered = footprint([square], WIDTH, HEIGHT, Margin())
    for a, b in zip(samples(one), samples(other), strict=True):
        step = WIDTH // a.shape[1]
        assert (a == b)[covered[::step, ::step]].all()


@pytest.mark.parametrize("blur_type", [BlurType.MED, BlurType.HIGH])
def test_later_frames_of_a_face_add_nothing_but_their_brightness(blur_type: BlurType) -> None:
    """Otherwise the frames of a moving face could be combined to a finer picture than any single one."""
    painter = Painter(blur_type, MARGIN)
    first, later = sloped_frame(1), sloped_frame(-1)
    for frame in (first, later):
        painter.draw(frame, [REGION])
    for a, b in zip(samples(first), samples(later), strict=True):
        assert np.ptp((b - a)[masked(a)]) <= 3  # rounding on both slopes


@pytest.mark.parametrize("blur_type", [BlurType.MED, BlurType.HIGH])
def test_noise_cannot_be_repeated(blur_type: BlurType) -> None:
    """Otherwise it could be subtracted from the output."""
    one, other = noisy_frame(), noisy_frame()
    for frame in (one, other):
        Painter(blur_type, MARGIN).draw(frame, [REGION])
    assert np.ptp((samples(one)[0] - samples(other)[0])[masked(samples(one)[0])]) > 4


def test_high_keeps_few_shades_and_black_one() -> None:
    for blur_type, most in ((BlurType.HIGH, HIGH_CELLS * (HIGH_CELLS + 3)), (BlurType.BLACK, 1)):
        frame = noisy_frame()
        Painter(blur_type, MARGIN).draw(frame, [REGION])
        luma = samples(frame)[0]
        assert len(np.unique(luma[masked(luma)])) <= most


def test_a_face_cut_off_by_the_frame_keeps_no_finer_cells() -> None:
    frame = noisy_frame()
    Painter(BlurType.HIGH, MARGIN).draw(frame, [Region(1, Box(-72, 60, 8, 160), seen=True)])
    sliver = samples(frame)[0][100:130, :12]
    assert len(np.unique(sliver)) <= 4


def test_a_region_outside_the_frame_changes_nothing() -> None:
    frame = noisy_frame()
    before = samples(frame)
    Painter(BlurType.HIGH, MARGIN).draw(frame, [Region(1, Box(-300, -300, -200, -200), seen=False)])
    assert all((a == b).all() for a, b in zip(before, samples(frame), strict=True))


def test_black_is_limited_or_full_range_as_the_frame_is() -> None:
    for pixel_format, expected in (("yuv420p", 16), ("yuvj420p", 0), ("yuv420p10le", 64)):
        frame = noisy_frame(pixel_format)
        Painter(BlurType.BLACK, MARGIN).draw(frame, [REGION])
        assert samples(frame)[0][110, 140] == expected
        assert samples(frame)[1][55, 70] == 2 ** (frame.format.components[0].bits - 1)


def test_frames_that_the_decoder_predicts_from_are_not_harmed(walking_clip: Path) -> None:
    with av.open(str(walking_clip)) as plain, av.open(str(walking_clip)) as drawn:
        for expected, frame in zip(plain.decode(video=0), drawn.decode(video=0), strict=True):
            assert all((a == b).all() for a, b in zip(samples(expected), samples(frame), strict=True))
            Painter(BlurType.HIGH, MARGIN).draw(frame, [REGION])


@pytest.mark.parametrize(("quarters", "chin"), [(0, "bottom"), (1, "left"), (2, "top"), (3, "right")])
def test_a_mask_reaches_below_the_chin_whichever_way_the_frame_is_stored(quarters: int, chin: str) -> None:
    """A box turned like its picture has its chin on the side that the upright bottom comes from."""
    upright = FACE.stretched(1 / WIDTH, 1 / HEIGHT)
    around = MARGIN.around(FACE, WIDTH, quarters)
    reach = {
        "left": FACE.left - around.left,
        "top": FACE.top - around.top,
        "right": around.right - FACE.right,
        "bottom": around.bottom - FACE.bottom,
    }
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    assert reach[chin] > reach[opposite[chin]] + 1
    below = Box(upright.left, upright.bottom, upright.right, upright.bottom + 0.01)
    stored = below.turned(-quarters)
    face = upright.turned(-quarters)
    sides = {"left": stored.right <= face.left + 1e-9, "top": stored.bottom <= face.top + 1e-9}
    sides |= {"right": stored.left >= face.right - 1e-9, "bottom": stored.top >= face.bottom - 1e-9}
    assert sides[chin]
