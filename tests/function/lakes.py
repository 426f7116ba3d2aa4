"""Reconciliations of a real container of uploads, with the real media service and a clock that is ahead."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from azure.storage.blob import ContainerClient

from local.services.entra import Entra
from trigger.lake import Lake
from trigger.media import MediaAccount
from trigger.progress import ProgressStore
from trigger.reconciliation import Reconciliation
from trigger.settings import Settings
from trigger.submission import End

GROUP, ACCOUNT, TRANSFORM, AUDIENCE = "group1", "account1", "faceredact", "api://media"
type Reconcile = Callable[[timedelta], dict[End, int]]
CONTENT = b"not really a video"
RESTED = timedelta(minutes=6)  # after which a new upload has rested long enough
LONG_AFTER = timedelta(hours=3)  # when uploads of now are no recent changes any more


def store(wired: Settings, entra: Entra) -> ProgressStore:
    return ProgressStore(wired.reconcile_state, entra.credential())


def made(wired: Settings, entra: Entra, ahead: timedelta, lake: Lake | None = None) -> Reconciliation:
    credential = entra.credential()
    return Reconciliation(
        wired,
        lake or Lake(wired, credential),
        MediaAccount(wired, credential),
        store(wired, entra),
        lambda: datetime.now(UTC) + ahead,
    )


def deploy(wired: Settings, entra: Entra) -> None:
    """Create the container for the progress, as the graph does."""
    with ContainerClient.from_container_url(wired.reconcile_state, entra.credential()) as state:
        state.create_container()
