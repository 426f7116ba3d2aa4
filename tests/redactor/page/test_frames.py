"""The frame that the editor names is the frame whose picture is shown: constant and variable rates, other codecs."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

import redactor
from redactor.page import proxy
from tests.redactor.page.conftest import Served

pytestmark = [pytest.mark.browser, pytest.mark.video]

COUNT = 30
BITS = 6
SHOWN = """(bits) => {
    const video = document.querySelector(".stage video");
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    let number = 0;
    for (let bit = 0; bit < bits; bit++) {
        const x = Math.floor((bit + 0.5) * canvas.width / bits);
        number |= (context.getImageData(x, canvas.height / 2, 1, 1).data[0] > 128 ? 1 : 0) << bit;
    }
    return number;
}"""


def numbered() -> list[NDArray[np.uint8]]:
    """Return pictures that hold their numbers: a white column for each bit that is set."""
    pictures = []
    for number in range(COUNT):
        picture = np.full((120, 240, 3), 16, np.uint8)
        for bit in range(BITS):
            if number >> bit & 1:
                picture[:, bit * 40 : bit * 40 + 40] = 235
        pictures.append(picture)
    return pictures


VARIABLE = [0, 512, 1024, 3000, 3001 + 400, 9000, 9512, 10024, *range(12800, 12800 + 22 * 700, 700)]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("constant.mp4", {}),
        ("sixty.mp4", {"rate": 60}),
        ("film.mp4", {"rate": 24, "time_base": Fraction(1, 24000), "times": [1001 * n for n in range(COUNT)]}),
        ("variable.mp4", {"times": VARIABLE, "audio": ()}),
        ("late.mp4", {"times": [6400 + 512 * n for n in range(COUNT)]}),
        ("old.avi", {"codec": "mpeg4", "audio": (), "time_base": Fraction(1, 25), "options": {}}),
        ("hevc.mkv", {"codec": "libx265", "time_base": Fraction(1, 1000), "options": {"x265-params": "log-level=0"}}),
    ],
)
def test_each_frame_is_shown_with_its_number(
    name: str,
    changes: dict[str, Any],
    open_review: Callable[..., tuple[Page, Served]],
    write_pictures: Callable[..., Path],
    recipe: Any,
    tmp_path: Path,
) -> None:
    clip = write_pictures(tmp_path / name, numbered(), replace(recipe(), **changes))
    page, _ = open_review(clip)
    stage = page.locator(".stage")
    seen = []
    for number in range(COUNT):
        expect(stage).to_have_attribute("data-presented", str(number))
        seen.append(page.evaluate(SHOWN, BITS))
        page.keyboard.press("ArrowRight")
    for number in (17, 3, 29, 8):  # backwards and forwards over many
        page.locator(".timeline-slider").focus()
        page.keyboard.press("Home")
        for _ in range(number):
            page.keyboard.press("ArrowRight")
        expect(stage).to_have_attribute("data-presented", str(number))
        assert page.evaluate(SHOWN, BITS) == number
    assert seen == list(range(COUNT))


def test_a_version_for_browsers_keeps_the_times_of_all_frames(
    walk: Any, make_clip: Any, recipe: Any, tmp_path: Path
) -> None:
    times = [0, 512, 1024, 2048, 2560, 4096, 4608, 5120, 6144, 6656, 9216, 12288]
    clip = make_clip(walk(12, 1920, 1080), recipe(name="large.mp4", times=times, audio=("ac3",)))
    made = tmp_path / "made.mp4"
    import threading

    proxy.write(clip, made, lambda _: None, threading.Event())
    with av.open(str(made)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 1280, 720)
        assert sound.codec_context.name == "aac"
        seen = [Fraction(frame.pts or 0) * Fraction(str(frame.time_base)) for frame in container.decode(video)]
    assert seen == [Fraction(time, 12800) for time in times]


def test_what_browsers_play_needs_no_other_version(walking_clip: Path, make_clip: Any, walk: Any, recipe: Any) -> None:
    assert not proxy.is_needed(walking_clip)
    assert proxy.is_needed(make_clip(walk(4, 160, 120), recipe(name="deep.mp4", pixel_format="yuv420p10le")))
    assert proxy.is_needed(make_clip(walk(4, 160, 120), recipe(name="box.mkv", time_base=Fraction(1, 1000))))


def test_stopped_work_leaves_no_file(walking_clip: Path, tmp_path: Path) -> None:
    import threading

    stop = threading.Event()
    stop.set()
    with pytest.raises(redactor.Cancelled):
        proxy.write(walking_clip, tmp_path / "made.mp4", lambda _: None, stop)
    assert list(tmp_path.iterdir()) == []
