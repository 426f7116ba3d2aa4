"""Tiers of tests: markers that follow from a test's room and fixtures.

pyproject.toml says what each stands for. A test that needs such a thing in another way carries the marker itself.
`make check` leaves out every tier.
"""

from pathlib import Path

import pytest

# Fixture → the tier of every test that asks for it, directly or through another fixture.
FIXTURES = {
    "azurite": "azurite",
    "clip": "video",
    "engine": "engine",
    "make_clip": "video",
    "own_storage": "azurite",
    "storage": "azurite",
    "video": "video",
    "walking_clip": "video",
    "wheel": "installs",
}
# Room → the tiers of every test in it.
ROOMS = {"e2e": ("azurite", "video"), "engine": ("azurite", "engine")}

HERE = Path(__file__).parent


def room_of(test: Path) -> str:
    """The folder of `tests/` that a test's file is in, or nothing for one beside the folders."""
    *folders, _ = test.relative_to(HERE).parts
    return folders[0] if folders else ""


def mark(test: pytest.Item) -> None:
    fixtures: list[str] = getattr(test, "fixturenames", [])
    for tier in sorted(
        {FIXTURES[name] for name in fixtures if name in FIXTURES} | {*ROOMS.get(room_of(test.path), ())}
    ):
        test.add_marker(tier)
