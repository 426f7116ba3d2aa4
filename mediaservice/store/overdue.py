"""Publishes events that a crash or an unreachable topic has left, also of transforms deleted since."""

from datetime import timedelta

from mediaservice.store.account import Store
from mediaservice.store.events.outbox import OVERDUE

EVENT_SECONDS = 30


async def publish_overdue(store: Store, overdue: timedelta = OVERDUE) -> int:
    """Publish overdue events. Return the number of changes published."""
    outbox = store.jobs.outbox
    if not outbox:
        return 0
    deleted = await store.transforms.deleted()
    sent = await outbox.send_overdue([*await store.transforms.names(), *deleted], overdue)
    for name in deleted:
        if not await outbox.holds(name):
            await store.transforms.forget(name)
    return sent
