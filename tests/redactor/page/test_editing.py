"""Work in the editor: saving, undoing, reloading, two browsers, keys alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.redactor.page.conftest import FRAMES, Serve, Served, difference, face, pictures_of

pytestmark = [pytest.mark.browser, pytest.mark.video]

LOADED = 30_000  # milliseconds

type Open = Callable[..., tuple[Page, Served]]
type NewContext = Callable[..., BrowserContext]


def decisions(served: Served) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((served.folder / "two_decisions.json").read_text())
    return read


def shown(served: Served) -> set[int]:
    return {one["id"] for one in decisions(served).get("people", []) if one["action"] == "show"}


def state(page: Page, person: int, expected: str) -> None:
    expect(page.locator(f"[data-person='{person}'] .state")).to_have_text(expected)


def toggle(page: Page, person: int) -> None:
    page.locator(f"[data-person='{person}'] .state").click()


def saved(page: Page) -> None:
    expect(page.get_by_test_id("saving")).to_have_attribute("data-state", "saved")


def another(page: Page, new_context: NewContext) -> Page:
    """Open the review in another browser, by a link that the first one asks for."""
    page.get_by_role("button", name="Link for another browser").click()
    link = page.locator("dialog input").input_value()
    page.get_by_role("button", name="Close").click()
    other = new_context().new_page()
    other.goto(link)
    other.locator(".editor").wait_for()
    return other


def test_every_decision_is_saved_with_its_author_and_time(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    toggle(page, 2)
    saved(page)
    (decision,) = decisions(served)["people"]
    assert (decision["id"], decision["action"]) == (2, "show")
    assert decision["by"]
    assert decision["at"].endswith("Z")


def test_a_reload_keeps_decisions_and_undo(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    toggle(page, 1)
    toggle(page, 2)
    saved(page)
    page.reload()
    state(page, 1, "Shown")
    state(page, 2, "Shown")
    page.keyboard.press("Control+z")
    state(page, 2, "Covered")
    page.keyboard.press("Control+z")
    state(page, 1, "Covered")
    page.keyboard.press("Control+Shift+z")
    state(page, 1, "Shown")
    saved(page)
    assert shown(served) == {1}


def test_a_dead_browser_loses_nothing(open_review: Open, new_context: NewContext, two: Path) -> None:
    page, served = open_review(two)
    page.get_by_role("button", name="Link for another browser").click()
    link = page.locator("dialog input").input_value()
    page.get_by_role("button", name="Close").click()
    toggle(page, 1)
    saved(page)
    page.context.close()
    again = new_context().new_page()
    again.goto(link)
    state(again, 1, "Shown")
    assert shown(served) == {1}


def test_two_browsers_see_each_other_and_overwrite_nothing(
    open_review: Open, new_context: NewContext, two: Path
) -> None:
    page, served = open_review(two)
    other = another(page, new_context)
    expect(page.locator(".others")).to_have_text("1 other browser has this video open")
    toggle(page, 1)
    state(other, 1, "Shown")
    # The other one changes a document that it has not seen: its save is refused and made again on the newer one.
    other.context.set_offline(True)
    toggle(other, 2)
    expect(other.get_by_test_id("saving")).to_have_attribute("data-state", "unsaved")
    toggle(page, 1)
    saved(page)
    other.context.set_offline(False)
    saved(other)
    state(other, 1, "Covered")
    state(page, 2, "Shown")
    assert shown(served) == {2}


def test_a_save_of_a_version_that_is_gone_is_refused(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    toggle(page, 1)
    saved(page)
    script = """async (tag) => {
        const there = await (await fetch("api/videos/1/decisions")).json();
        const headers = {"Content-Type": "application/json", ...(tag && {"If-Match": tag})};
        return (await fetch("api/videos/1/decisions", {method: "PUT", headers, body: JSON.stringify(there)})).status;
    }"""
    assert [page.evaluate(script, tag) for tag in ('"old"', None)] == [412, 428]
    assert shown(served) == {1}


def test_keys_alone_choose_draw_approve_and_undo(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    press = page.keyboard.press
    press("p")  # the first person
    press("k")
    state(page, 1, "Shown")
    press("p")
    press("k")
    state(page, 2, "Shown")
    press("h")
    state(page, 2, "Covered")
    press("Control+z")
    state(page, 2, "Shown")
    press("Control+y")
    state(page, 2, "Covered")
    press("Home")
    expect(page.locator(".stage")).to_have_attribute("data-presented", "0")
    press("z")  # a fixed zone in the middle, moved to the left top corner
    for _ in range(40):
        press("ArrowLeft")
        press("ArrowUp")
    press("Enter")
    expect(page.get_by_role("tab", name="Added")).to_have_attribute("aria-selected", "true")
    saved(page)
    press("Control+Enter")
    dialog = page.locator("dialog")
    dialog.wait_for()
    for _ in range(8):
        if page.evaluate("document.activeElement.textContent") == "Approve and redact":
            break
        press("Tab")
    press("Enter")
    page.locator(".outcome").wait_for()
    before, after = pictures_of(served.video), pictures_of(served.output)
    assert max(difference(before[n], after[n], face(n, 0)) for n in range(FRAMES)) < 6
    assert min(difference(before[n], after[n], face(n, 1)) for n in range(FRAMES)) > 15
    first = json.loads((served.folder / "two_decisions.json").read_text())["zones"][0]
    assert first["box"] == {"x": 0, "y": 0, "width": 0.2, "height": 0.2}


def test_single_key_shortcuts_can_be_turned_off(open_review: Open, two: Path) -> None:
    page, _ = open_review(two)
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("frame")).to_have_text(f"Frame 2 of {FRAMES}")
    state(page, 1, "Covered")


def test_a_reason_is_chosen_from_the_list_of_the_settings(open_review: Open, two: Path, tmp_path: Path) -> None:
    reasons = tmp_path / "reasons.txt"
    reasons.write_text("7.2, undercover officer\n9, minor\n")
    page, served = open_review(two, "--reasons", str(reasons))
    page.locator("[data-person='2'] .card-face").click()
    page.get_by_label("Reason").select_option("9")
    saved(page)
    (decision,) = decisions(served)["people"]
    assert (decision["id"], decision["action"], decision["reason"]) == (2, "hide", "9")


def test_a_failed_load_is_made_again(serve: Serve, new_context: NewContext, two: Path) -> None:
    page = new_context().new_page()
    page.route("**/regions", lambda route: route.fulfill(status=503), times=1)
    page.goto(serve(two).link)
    page.locator(".editor").wait_for(timeout=LOADED)
    state(page, 1, "Covered")


def test_undo_is_without_end(open_review: Open, two: Path) -> None:
    page, served = open_review(two)
    page.keyboard.press("p")
    for _ in range(60):
        page.keyboard.press("k")
        page.keyboard.press("h")
    for _ in range(119):
        page.keyboard.press("Control+z")
    state(page, 1, "Shown")
    page.keyboard.press("Control+z")
    state(page, 1, "Covered")
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()
    saved(page)
    assert decisions(served).get("people", []) == []
