"""Expiry of jobs as in Media Services: records, not outputs, are deleted 90 days after the submission."""

import logging
from datetime import UTC, datetime, timedelta

from mediaservice.store.account import Store
from mediaservice.store.errors import ChangedError, NewerSchemaError

KEPT = timedelta(days=90)
log = logging.getLogger(__name__)


async def expire(store: Store, now: datetime | None = None) -> int:
    """Delete expired jobs that are over, then count the account's jobs anew. Return the number deleted."""
    expired = 0
    transforms = await store.transforms.names()
    for transform in transforms:
        async for job in store.jobs.over_before(transform, (now or datetime.now(UTC)) - KEPT):
            try:
                stored = await store.jobs.get(transform, job.name)
                if stored and stored.value.instance == job.instance:
                    await store.jobs.delete(stored)
                    expired += 1
            except (ChangedError, NewerSchemaError):
                continue  # another instance of the service was faster, or a newer one will do it
    if expired:
        log.info("expired jobs deleted", extra={"jobs": expired})
    await store.jobs.recount(transforms)
    return expired
