"""The page's own tests, in TypeScript: undo, merging of edits, people, the time axis."""

import subprocess
from pathlib import Path

import pytest

from web.build import BIN, WEB

pytestmark = pytest.mark.browser


def test_the_logic_of_the_page() -> None:
    done = subprocess.run(
        [BIN / "node", "node_modules/vitest/vitest.mjs", "run"],
        cwd=WEB,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_that_is_served_is_built_from_these_sources() -> None:
    built = Path(WEB.parent / "redactor" / "page" / "built" / "index.html")
    newest = max(path.stat().st_mtime for path in (WEB / "src").rglob("*") if path.is_file())
    assert built.stat().st_mtime >= newest, "make setup builds it anew"
