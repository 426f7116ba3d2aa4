"""Tiers of tests: markers that follow from a test's folder and fixtures.

pyproject.toml says what each stands for. A test that needs such a thing in another way carries the marker itself.
`make check` leaves out every tier.
"""

import functools
from pathlib import Path

import pytest

# Fixture → the tier of every test that asks for it, directly or through another fixture.
FIXTURES = {
    "azurite": "azurite",
    "checker": "installs",
    "clip": "video",
    "engine": "engine",
    "make_clip": "video",
    "own_storage": "azurite",
    "storage": "azurite",
    "video": "video",
    "walking_clip": "video",
    "wheel": "installs",
}
# Folder → the tiers of every test in it.
FOLDERS = {"e2e": ("azurite", "video"), "engine": ("azurite", "engine"), "redactor/video": ("video",)}

HERE = Path(__file__).parent


def mark(test: pytest.Item) -> None:
    """Add the markers of the tiers that a test belongs to."""
    fixtures: list[str] = getattr(test, "fixturenames", [])
    tiers = {FIXTURES[name] for name in fixtures if name in FIXTURES} | _of_folder(test.path)
    for tier in sorted(tiers):
        test.add_marker(tier)


@functools.cache
def _of_folder(file: Path) -> frozenset[str]:
    return frozenset(
        tier for folder, needed in FOLDERS.items() if file.is_relative_to(HERE / folder) for tier in needed
    )
