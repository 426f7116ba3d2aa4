"""Listings that outlast a run go on where they stopped: pages of two uploads, and runs without time for more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobType, ContainerClient

from local.services.entra import Entra
from tests.function.lakes import CONTENT, LONG_AFTER, RESTED, Reconcile, deploy, made, store
from trigger import lake as lakes
from trigger import reconciliation
from trigger.lake import Blob, Lake
from trigger.settings import Settings
from trigger.submission import End

NAMES = [f"video {number}.mp4" for number in range(7)]
LISTED = [name.replace(" ", "%20") for name in NAMES]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lakes, "PAGE", 2)


@dataclass
class Clock:
    """A clock that stands still, except where a test moves it."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(reconciliation, "time", clock)
    return clock


class KilledError(Exception):
    """The host ends the process."""


class _Recorded(Lake):
    """Records the names on each page, and the clock moves on by a page's time. It may be killed at the second one."""

    def __init__(self, wired: Settings, entra: Entra, clock: Clock, seconds: float, *, killed: bool = False) -> None:
        super().__init__(wired, entra.credential())
        self.pages: list[list[str]] = []
        self._clock, self._seconds, self._killed = clock, seconds, killed

    def page(self, marker: str | None = None, folder: str = "") -> tuple[list[Blob], str | None]:
        if self._killed and self.pages:
            raise KilledError
        found, following = super().page(marker, folder)
        self._clock.seconds += self._seconds
        self.pages.append([blob.name for blob in found])
        return found, following


def test_a_listing_longer_than_a_run_goes_on_at_the_next_one(
    wired: Settings, lake: ContainerClient, entra: Entra, clock: Clock, sources: Callable[[], list[str]]
) -> None:
    deploy(wired, entra)
    for name in NAMES:
        lake.upload_blob(name, CONTENT)
    slow = _Recorded(wired, entra, clock, reconciliation.RUN_SECONDS * 0.6)
    submitted = [dict(made(wired, entra, RESTED, slow).run()) for _ in range(4)]
    assert [each.get(End.SUBMITTED, 0) for each in submitted] == [2, 2, 2, 1]
    assert sources() == LISTED
    assert slow.pages[0] == NAMES[:2]
    assert slow.pages[-1] == NAMES[6:]
    assert store(wired, entra).read(existing=False).scan is None


def test_a_run_that_is_killed_loses_at_most_its_last_page(
    wired: Settings, lake: ContainerClient, entra: Entra, clock: Clock, sources: Callable[[], list[str]]
) -> None:
    deploy(wired, entra)
    for name in NAMES:
        lake.upload_blob(name, CONTENT)
    pages: list[list[str]] = []
    for _ in range(3):
        killed = _Recorded(wired, entra, clock, 0.0, killed=True)
        with pytest.raises(KilledError):
            made(wired, entra, RESTED, killed).run()
        pages += killed.pages
    last = _Recorded(wired, entra, clock, 0.0, killed=True)
    assert dict(made(wired, entra, RESTED, last).run()) == {End.SUBMITTED: 1}
    assert pages + last.pages == [NAMES[0:2], NAMES[2:4], NAMES[4:6], NAMES[6:7]]
    assert sources() == LISTED


def test_what_was_left_on_an_earlier_page_is_compared_again_after_the_last_one(
    wired: Settings, lake: ContainerClient, entra: Entra, clock: Clock, sources: Callable[[], list[str]]
) -> None:
    deploy(wired, entra)
    lake.upload_blob(NAMES[0], CONTENT, blob_type=BlobType.APPENDBLOB)  # whole after an hour
    for name in NAMES[1:]:
        lake.upload_blob(name, CONTENT)
    slow = _Recorded(wired, entra, clock, reconciliation.RUN_SECONDS * 0.6)
    for _ in range(4):
        made(wired, entra, RESTED, slow).run()
    assert sources() == LISTED[1:]
    assert dict(made(wired, entra, timedelta(minutes=66)).run()) == {End.SUBMITTED: 1}
    assert sources() == LISTED


def test_an_upload_behind_the_place_of_a_long_listing_is_found_by_the_next_one(
    wired: Settings, lake: ContainerClient, entra: Entra, clock: Clock, sources: Callable[[], list[str]]
) -> None:
    deploy(wired, entra)
    for name in NAMES[3:]:
        lake.upload_blob(name, CONTENT)
    slow = _Recorded(wired, entra, clock, reconciliation.RUN_SECONDS * 0.6)
    made(wired, entra, RESTED, slow).run()
    lake.upload_blob(NAMES[0], CONTENT)
    made(wired, entra, RESTED, slow).run()
    assert sources() == LISTED[3:]
    made(wired, entra, RESTED).run()
    assert sources() == [LISTED[0], *LISTED[3:]]


class _Forgetful(Lake):
    """Refuses markers, as storage may do with old ones."""

    def page(self, marker: str | None = None, folder: str = "") -> tuple[list[Blob], str | None]:
        if marker:
            refused = HttpResponseError("the marker is not valid")
            refused.status_code = 400
            raise refused
        return super().page(marker, folder)


def test_a_marker_that_storage_does_not_take_any_more_begins_the_listing_anew(
    wired: Settings, lake: ContainerClient, entra: Entra, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(wired, entra)
    for name in NAMES:
        lake.upload_blob(name, CONTENT)
    made(wired, entra, RESTED, _Recorded(wired, entra, clock, reconciliation.RUN_SECONDS * 0.6)).run()
    monkeypatch.setattr(lakes, "PAGE", 5000)
    found = made(wired, entra, RESTED, _Forgetful(wired, entra.credential())).run()
    assert found == {End.SUBMITTED: 5}


def test_the_progress_of_the_version_before_is_read(
    wired: Settings, lake: ContainerClient, entra: Entra, reconcile: Reconcile, sources: Callable[[], list[str]]
) -> None:
    beginning = '"beginning": "2026-01-01T00:00:00+00:00"'
    with ContainerClient.from_container_url(wired.reconcile_state, entra.credential()) as state:
        state.upload_blob("progress.json", f'{{{beginning}, "through": "2026-01-02T00:00:00+00:00"}}')
    lake.upload_blob(NAMES[0], CONTENT)
    assert reconcile(LONG_AFTER) == {End.SUBMITTED: 1}
    assert sources() == LISTED[:1]
