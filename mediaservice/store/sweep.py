"""Puts another message for unfinished jobs that may have lost theirs; docs/architecture.md describes when."""

import logging
from datetime import UTC, datetime, timedelta

from mediaservice import telemetry
from mediaservice.model.jobs import Job, JobState
from mediaservice.store.account import Store
from mediaservice.store.jobs import UNFINISHED
from mediaservice.store.work import Ticket

GRACE = timedelta(minutes=2)
SWEEP_SECONDS = 300
MOST_MESSAGES = 2  # per unfinished job on average, up to which a held one gets another
log = logging.getLogger(__name__)


async def sweep(store: Store, grace: timedelta = GRACE) -> int:
    """Put missing messages and return their number."""
    messages = await store.work.count()
    unfinished: list[Job] = []
    for transform in await store.transforms.names():
        unfinished += [job async for job in store.jobs.unfinished(transform)]
    now = datetime.now(UTC)
    waiting = [(now - job.created).total_seconds() for job in unfinished if job.state is JobState.QUEUED]
    oldest = max(waiting, default=0)
    latest = now - grace
    stalled = sum(job.state is not JobState.QUEUED and job.last_modified < latest for job in unfinished)
    telemetry.record(telemetry.QUEUE_LENGTH, messages)
    telemetry.record(telemetry.QUEUE_SECONDS, oldest)
    for state in UNFINISHED:
        telemetry.record(telemetry.UNFINISHED, sum(job.state is state for job in unfinished), state=state)
    working = len(unfinished) - len(waiting) - stalled
    log.info(
        "queue watched",
        extra={"waiting": len(waiting), "oldestSeconds": round(oldest), "working": working, "stalled": stalled},
    )
    lost = [
        job
        for job in unfinished
        # A held job changes once per lease. One that does not may have lost its message while others watch in vain.
        if job.last_modified < latest
        and messages < len(unfinished) * (1 if job.state is JobState.QUEUED else MOST_MESSAGES)
    ]
    for job in lost:
        seen = None if job.state is JobState.QUEUED else ""
        await store.work.put(Ticket(job.transform, job.name, job.instance, seen))
    if lost:
        log.warning("requeued unfinished jobs", extra={"jobs": len(lost), "messages": messages})
    return len(lost)
