"""Decisions in the editor, proved by the pixels of the approved result."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.redactor.page.conftest import FRAMES, HEIGHT, PATIENCE, WIDTH, Served, difference, face, pictures_of

pytestmark = [pytest.mark.browser, pytest.mark.video]

BARE, COVERED = 6.0, 15.0  # differences of a face that is shown at most, and of one that is covered at least

type Open = Callable[..., tuple[Page, Served]]


def approve(page: Page) -> None:
    """Approve, and wait for the result. It is there before it is verified."""
    page.get_by_role("button", name="Approve…").click()
    page.get_by_role("button", name="Approve and redact").click()
    page.locator(".outcome").wait_for()


def step(page: Page, key: str, count: int, frame: int) -> None:
    """Press a key a number of times, and wait for the picture of the frame. Nothing is decided before it is there."""
    for _ in range(count):
        page.keyboard.press(key)
    expect(page.locator(".stage")).to_have_attribute("data-presented", str(frame))


def saved(page: Page) -> None:
    expect(page.get_by_test_id("saving")).to_have_attribute("data-state", "saved")


def differences(served: Served, person: int) -> list[float]:
    before, after = pictures_of(served.video), pictures_of(served.output)
    assert len(after) == FRAMES
    return [difference(before[frame], after[frame], face(frame, person)) for frame in range(FRAMES)]


def test_one_person_is_kept_and_everybody_else_is_covered(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    page.locator("[data-person='1'] .state").click()
    expect(page.locator("[data-person='1'] .state")).to_have_text("Shown")
    saved(page)
    approve(page)
    expect(page.get_by_test_id("verdict")).to_contain_text("No bare face", timeout=PATIENCE)
    assert max(differences(served, 0)) < BARE
    assert min(differences(served, 1)) > COVERED


def test_a_missed_face_is_drawn_in_one_frame_and_covered_in_all(open_review: Open, two: Path) -> None:
    path = two.parent / "two_review" / "two_annotations.json"
    miss(path, 2)
    page, served = open_review(two)
    expect(page.locator(".card")).to_have_count(1)
    step(page, "ArrowRight", 20, 20)
    page.get_by_role("button", name="Draw a box", exact=True).click()
    drag(page, *shares(20, 1))
    page.locator("[data-following='found']").wait_for()
    saved(page)
    approve(page)
    assert min(differences(served, 1)) > COVERED
    assert min(differences(served, 0)) > COVERED


def test_merged_people_are_shown_and_covered_as_one(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    page.locator("[data-person='1'] .card-face").click()
    page.locator("[data-person='2'] .card-face").click(modifiers=["Control"])
    page.get_by_role("button", name="Merge 2 people").click()
    expect(page.locator(".card")).to_have_count(1)
    page.locator("[data-person='1'] .state").click()
    saved(page)
    approve(page)
    assert max(differences(served, 0) + differences(served, 1)) < BARE


def test_a_person_is_split_in_time_and_one_part_is_shown(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    page.locator("[data-person='1'] .card-face").click()
    step(page, "ArrowRight", 25, 25)
    page.get_by_role("button", name="Split here").click()
    expect(page.locator(".card")).to_have_count(3)
    page.locator("[data-person='3'] .state").click()
    saved(page)
    approve(page)
    found = differences(served, 0)
    assert min(found[:25]) > COVERED
    assert max(found[25:]) < BARE


def test_the_whole_picture_is_covered_and_nothing_is_in_stretches(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    step(page, "Home", 1, 0)
    page.keyboard.press("i")
    step(page, "ArrowRight", 9, 9)
    page.keyboard.press("o")
    page.keyboard.press("w")
    step(page, "ArrowRight", 11, 20)
    page.keyboard.press("i")
    step(page, "End", 1, FRAMES - 1)
    page.keyboard.press("o")
    page.keyboard.press("u")
    expect(page.locator(".item")).to_have_count(2)
    saved(page)
    approve(page)
    before, after = pictures_of(served.video), pictures_of(served.output)
    everywhere = [float(abs(before[frame].astype(int) - after[frame]).mean()) for frame in range(FRAMES)]
    assert min(everywhere[:10]) > COVERED
    assert max(everywhere[20:]) < BARE
    assert min(differences(served, 0)[10:20]) > COVERED


def test_a_result_is_not_overwritten_without_asking(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    served.output.write_bytes(b"something of mine")
    page.get_by_role("button", name="Approve…").click()
    expect(page.get_by_role("alert")).to_contain_text("exists already")
    go = page.get_by_role("button", name="Approve and redact")
    expect(go).to_be_disabled()
    assert served.output.read_bytes() == b"something of mine"
    page.get_by_label("Replace it").check()
    go.click()
    page.locator(".outcome").wait_for()
    assert len(pictures_of(served.output)) == FRAMES


def test_an_approved_video_is_locked_until_it_is_reopened(open_review: Open, two: Path) -> None:
    page, _ = open_review(two)
    approve(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("The result was not verified.")
    page.get_by_role("button", name="Back to the editor").click()
    expect(page.locator("[data-person='1'] .state")).to_be_disabled()
    page.get_by_role("button", name="Reopen").click()
    expect(page.locator("[data-person='1'] .state")).to_be_enabled()


def test_a_face_that_the_verification_found_is_covered_by_one_click(open_review: Open, two: Path) -> None:
    miss(two.parent / "two_review" / "two_annotations.json", 2)
    page, served = open_review(two)
    approve(page)
    expect(page.get_by_test_id("verdict")).to_contain_text("bare face found", timeout=PATIENCE)
    page.get_by_role("button", name="Reopen and cover this").first.click()
    page.locator("[data-following='found']").wait_for()
    saved(page)
    page.get_by_role("button", name="Approve…").click()
    page.get_by_label("Replace it").check()
    page.get_by_role("button", name="Approve and redact").click()
    page.locator(".outcome").wait_for()
    assert min(differences(served, 1)) > COVERED


def shares(frame: int, person: int) -> tuple[float, float, float, float]:
    box = face(frame, person).stretched(1 / WIDTH, 1 / HEIGHT)
    return box.left, box.top, box.right, box.bottom


def drag(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    """Drag over the picture. Places are in shares of it."""
    edge = page.locator(".stage video").bounding_box()
    assert edge is not None
    page.mouse.move(edge["x"] + left * edge["width"], edge["y"] + top * edge["height"])
    page.mouse.down()
    page.mouse.move(edge["x"] + right * edge["width"], edge["y"] + bottom * edge["height"], steps=4)
    page.mouse.up()


def miss(path: Path, person: int) -> None:
    """Take a person out of annotations."""
    document = json.loads(path.read_text())
    for fragment in document["fragments"]:
        fragment["events"] = [[one for one in events if one["id"] != person] for events in fragment["events"]]
    path.write_text(json.dumps(document))
