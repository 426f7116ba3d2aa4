"""Forgets jobs as Media Services did: their records, not what they made, 90 days after they were submitted."""

import logging
from datetime import UTC, datetime, timedelta

from mediaservice.store.account import Store
from mediaservice.store.errors import ChangedError

KEPT = timedelta(days=90)
log = logging.getLogger(__name__)


async def expire(store: Store, now: datetime | None = None) -> int:
    """How many were deleted. A job that is not over stays. Afterwards the account's jobs are counted anew."""
    expired = 0
    transforms = await store.transforms.names()
    for transform in transforms:
        async for job in store.jobs.over_before(transform, (now or datetime.now(UTC)) - KEPT):
            stored = await store.jobs.get(transform, job.name)
            try:
                if stored and stored.value.instance == job.instance:
                    await store.jobs.delete(stored)
                    expired += 1
            except ChangedError:
                continue  # another instance of the service was faster
    if expired:
        log.info("expired jobs deleted", extra={"jobs": expired})
    await store.jobs.recount(transforms)
    return expired
