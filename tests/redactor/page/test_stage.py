"""A box that is drawn over the picture on the stage is stored for that picture: its place, and its frame."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from redactor.geometry import Box
from tests.redactor.page.conftest import Served
from tests.redactor.page.test_decisions import approve, drag, saved, step

pytestmark = [pytest.mark.browser, pytest.mark.video]

type Open = Callable[..., tuple[Page, Served]]

SEEN = 0.02  # share of the picture by which a box that is drawn on the screen may be off


def drawings(served: Served) -> list[dict[str, Any]]:
    path = served.folder / f"{served.video.stem}_decisions.json"
    read: list[dict[str, Any]] = json.loads(path.read_text()).get("drawings", [])
    return read


def white(page: Page) -> tuple[float, float, float, float]:
    """Return the edges of what is white on the stage, in pixels of the page."""
    stage = page.locator(".stage")
    edge = stage.bounding_box()
    pixels = cv2.imdecode(np.frombuffer(stage.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert edge is not None
    assert pixels is not None
    rows, columns = np.nonzero(pixels > 200)
    left, right = edge["x"] + columns.min(), edge["x"] + columns.max() + 1
    return float(left), float(edge["y"] + rows.min()), float(right), float(edge["y"] + rows.max() + 1)


def marked() -> list[NDArray[np.uint8]]:
    """Return dark pictures with a white box in the middle, half as wide and 0.8 as high as they are."""
    picture = np.full((240, 320, 3), 16, np.uint8)
    picture[24:216, 80:240] = 235
    return [picture] * 10


@pytest.mark.parametrize(("rotation", "expected"), [(0, Box(0.25, 0.1, 0.75, 0.9)), (90, Box(0.1, 0.25, 0.9, 0.75))])
def test_a_box_is_stored_where_it_was_drawn_if_pixels_are_not_square(
    rotation: int,
    expected: Box,
    open_review: Open,
    write_pictures: Callable[..., Path],
    recipe: Any,
    tmp_path: Path,
) -> None:
    shape = replace(recipe(), aspect=Fraction(2), rotation=rotation)
    page, served = open_review(write_pictures(tmp_path / "wide.mp4", marked(), shape))
    expect(page.locator(".stage")).to_have_attribute("data-presented", "0")
    page.keyboard.press("z")
    expect(page.get_by_text("Drag a box over the picture")).to_be_visible()  # its line moves the picture
    left, top, right, bottom = white(page)
    assert (right - left) / (bottom - top) == pytest.approx(5 / 3 if not rotation else 3 / 5, rel=0.05)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=4)
    page.mouse.up()
    saved(page)
    (zone,) = json.loads((served.folder / "wide_decisions.json").read_text())["zones"]
    box = zone["box"]
    found = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
    assert found == pytest.approx((expected.left, expected.top, expected.right, expected.bottom), abs=SEEN)


def test_the_editor_shows_its_frame_again_after_the_result(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    step(page, "ArrowRight", 20, 20)
    approve(page)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Back to the editor").click()
    expect(page.locator(".stage")).to_have_attribute("data-presented", "20")
    expect(page.get_by_test_id("frame")).to_contain_text("Frame 21 ")
    page.get_by_role("button", name="Reopen").click()
    page.get_by_role("button", name="Draw a box", exact=True).click()
    drag(page, 0.4, 0.1, 0.5, 0.3)
    saved(page)
    (drawing,) = drawings(served)
    assert [key["time"] for key in drawing["keyframes"]] == [20 * 512]


def test_nothing_is_decided_on_a_frame_whose_picture_is_not_there(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    stage = page.locator(".stage")
    expect(stage).to_have_attribute("data-presented", "0")
    page.evaluate("""() => {
        const video = document.querySelector(".stage video");
        Object.defineProperty(video, "currentTime", {get: () => 0, set: () => undefined, configurable: true});
    }""")
    page.keyboard.press("p")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("frame")).to_contain_text("Frame 2 ")
    page.keyboard.press("x")
    page.keyboard.press("i")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_have_text("The picture of this frame is not there yet. Wait for it.")
    page.keyboard.press("Escape")
    page.evaluate("() => { delete document.querySelector('.stage video').currentTime; }")
    page.keyboard.press("ArrowRight")
    expect(stage).to_have_attribute("data-presented", "2")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    saved(page)
    document = json.loads((served.folder / "two_decisions.json").read_text())
    assert "splits" not in document
    assert [[key["time"] for key in one["keyframes"]] for one in document["drawings"]] == [[2 * 512]]
    expect(page.get_by_role("button", name="Clear the marks")).to_have_count(0)
