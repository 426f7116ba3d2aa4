"""axe-core finds no violation of WCAG 2.2 AA, in both themes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.redactor.page.conftest import Serve, Served

pytestmark = [pytest.mark.browser, pytest.mark.video]

AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
    const found = await axe.run(document, {runOnly: {type: "tag", values: tags}});
    return found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html.slice(0, 120)).join(" | ")}`);
}"""


def violations(page: Page) -> list[str]:
    # The page's policy allows no script but its own, and none that a page evaluates: so it is added by the protocol.
    page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(RUN, TAGS)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_editor_its_dialogs_and_the_result(
    theme: str, open_review: Callable[..., tuple[Page, Served]], two: Path
) -> None:
    page, _ = open_review(two, color_scheme=theme)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    assert violations(page) == []
    page.keyboard.press("p")
    page.keyboard.press("k")
    assert violations(page) == []
    page.locator("[data-person='2'] .card-face").click(modifiers=["Control"])
    assert violations(page) == []
    page.keyboard.press("s")  # a muted stretch: the list of what was added
    assert violations(page) == []
    page.get_by_role("tab", name="Doubts").click()
    assert violations(page) == []
    page.keyboard.press("4")  # the slider between before and after
    assert violations(page) == []
    page.keyboard.press("?")
    page.locator("dialog").wait_for()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    page.locator("dialog").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Approve and redact").click()
    page.locator(".outcome").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("The result was not verified.")
    assert violations(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list(theme: str, new_context: Callable[..., BrowserContext], serve: Serve, two: Path) -> None:
    served = serve(two)
    page = new_context(color_scheme=theme).new_page()
    page.goto(served.link)
    page.get_by_role("link", name="All videos").click()
    page.get_by_role("link", name="two.mp4").wait_for()
    assert violations(page) == []
    page.get_by_role("searchbox").fill("nothing like it")
    page.get_by_text("No video matches.").wait_for()
    assert violations(page) == []
