"""Containers that were made for an asset whose record was never written, since the API died between the two."""

import logging
from datetime import UTC, datetime, timedelta

from mediaservice.store.account import Store
from mediaservice.store.errors import NotThereError

# A container is younger than this while its asset is being written, and older than that when it has been looked at.
YOUNGEST, OLDEST = timedelta(hours=1), timedelta(days=2)
ORPHAN_SECONDS = 3600
log = logging.getLogger(__name__)


async def remove_orphans(store: Store, now: datetime | None = None) -> int:
    """Delete empty containers that this account has made and that are no asset's. Return how many there were."""
    now = now or datetime.now(UTC)
    removed = 0
    async for container in store.containers.made_between(now - OLDEST, now - YOUNGEST):
        if await store.assets.owner(container):
            continue
        try:
            if await store.containers.files(container, 1):
                continue  # somebody has used it
        except NotThereError:
            continue
        await store.containers.delete(container)
        removed += 1
        log.warning("a container without an asset was deleted", extra={"container": container})
    return removed
