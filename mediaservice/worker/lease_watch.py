"""Keeps an attempt's lease, writes its progress, and notices a cancellation."""

import asyncio
import contextlib
import logging
import time

from mediaservice.model.job_events import PROGRESS_SECONDS
from mediaservice.store.errors import LeaseLostError
from mediaservice.store.work import Lease, Work
from mediaservice.worker.held_job import CancelRequestedError, HeldJob
from mediaservice.worker.progress import Progress

WATCH_SECONDS = 1.0  # a cancellation must be noticed within 2 s
RENEWAL_SECONDS = 5.0  # the most that a renewal under way may take when the attempt is over
log = logging.getLogger(__name__)


class LeaseWatch:
    """Runs beside the work on a job, from `run` until `end`."""

    def __init__(self, work: Work, held_job: HeldJob, progress: Progress, lease: Lease, lease_seconds: int) -> None:
        self._work = work
        self._held_job = held_job
        self._progress = progress
        self._lease_seconds = lease_seconds
        self._over = asyncio.Event()
        self.lease = lease  # as last renewed

    async def run(self) -> None:
        """Watch until the attempt is over. Raises LeaseLostError and CancelRequestedError."""
        renewed = written = time.monotonic()
        lease = self._lease_seconds
        beat = min(lease / 3, PROGRESS_SECONDS)
        while not await self._over_within(min(WATCH_SECONDS, lease / 6)):
            now = time.monotonic()
            try:
                if now - renewed >= lease / 3:
                    self.lease = await self._work.renew(self.lease, lease)
                    renewed = now
                output = self._held_job.job.outputs[self._progress.index]
                if now - written >= beat or (self._progress.percent > output.progress and not output.state.final):
                    await self._held_job.write(self._progress.written)
                    written = now
                else:
                    await self._held_job.look()
            except (LeaseLostError, CancelRequestedError):
                raise
            except Exception:
                # Without storage the lease lasts for the rest of its time, and no longer.
                if now - renewed > lease * 2 / 3:
                    raise LeaseLostError from None
                log.warning("storage does not answer", exc_info=True)

    async def end(self, watching: "asyncio.Task[None]") -> None:
        """Let the task that runs `run` end, a renewal under way included: without its receipt the message is lost."""
        self._over.set()
        await asyncio.wait({watching}, timeout=RENEWAL_SECONDS)

    async def _over_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return self._over.is_set()
