"""One attempt at a job: its outputs one after the other, under a lease that is watched, to a state that is written."""

import asyncio
import contextlib
import errno
import logging

from mediaservice.model import states
from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.settings import Work
from mediaservice.store.account import Store
from mediaservice.store.errors import TooLargeError
from mediaservice.store.work import Lease
from mediaservice.worker.held_job import CancelRequestedError, HeldJob
from mediaservice.worker.lease_watch import LeaseWatch
from mediaservice.worker.outputs import Outputs
from mediaservice.worker.processing import Processing
from mediaservice.worker.progress import Progress
from mediaservice.worker.workspace import workspace

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
log = logging.getLogger(__name__)


class Execution:
    def __init__(
        self,
        store: Store,
        settings: Work,
        outputs: Outputs,
        held_job: HeldJob,
        lease: Lease,
        stopping: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._outputs = outputs
        self._held_job = held_job
        self._stopping = stopping
        self._progress = Progress()
        self._processing = Processing(store, settings, outputs, held_job, self._progress)
        self._watch = LeaseWatch(store.work, held_job, self._progress, lease, settings.lease_seconds)

    async def run(self) -> Lease:
        """Work until the job is over, or given back because this process must stop. Return the lease as it is then.

        Raises LeaseLostError. Any other exception is no fault of the job.
        """
        working = asyncio.create_task(self._work())
        watching = asyncio.create_task(self._watch.run())
        stopping = asyncio.create_task(self._stopping.wait())
        tasks = {working, watching, stopping}
        try:
            done, _ = await asyncio.wait(
                tasks,
                timeout=self._settings.timeout_seconds or None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            await _end(working)
            await self._watch.end(watching)
            await _end(watching)
            await self._settle(working, watching, timed_out=not done)
        finally:
            for task in tasks:
                await _end(task)
        return self._watch.lease

    async def _settle(self, working: "asyncio.Task[None]", watching: "asyncio.Task[None]", *, timed_out: bool) -> None:
        """Write the end of the attempt, once all tasks have ended: with a result, an error, or because another did."""
        try:
            for task in (watching, working):
                if not task.cancelled() and (error := task.exception()):
                    raise error
            if not working.cancelled():
                return
            if timed_out:
                await self._fail(_took_too_long(self._settings.timeout_seconds))
                await self._held_job.write(states.conclude)
                return
            await self._held_job.write(states.give_back)
        except CancelRequestedError:
            await self._outputs.withdraw(self._held_job)
            await self._held_job.write(states.canceled, canceling=True)

    async def _work(self) -> None:
        with workspace() as folder:
            while (index := states.next_output(self._held_job.job)) is not None:
                self._progress.begin(index)
                await self._held_job.write(self._progress.begun)
                if await self._outputs.adopt(self._held_job, index):
                    continue
                try:
                    await self._processing.make(folder, index)
                except JobFailedError as failed:
                    await self._fail(failed)
                except TooLargeError as error:
                    await self._fail(JobFailedError(ErrorCode.CONFIGURATION_UNSUPPORTED, f"The job's record: {error}"))
                except OSError as error:
                    if error.errno not in DISK_FULL:
                        raise
                    # every worker's disk is as large, so another attempt would not help
                    message = f"The worker's disk does not hold the input and what is made of it: {error.strerror}."
                    await self._fail(JobFailedError(ErrorCode.SERVICE_ERROR, message))
        await self._held_job.write(states.conclude)

    async def _fail(self, failed: JobFailedError) -> None:
        """End the output in Error, unless an earlier attempt has published it."""
        if await self._outputs.adopt(self._held_job, self._progress.index):
            return
        await self._outputs.withdraw(self._held_job)
        log.warning("output failed", extra={"job": self._held_job.job.name, "code": failed.error.code})
        await self._held_job.write(lambda job, now: states.fail_output(job, self._progress.index, failed.error, now))


def _took_too_long(seconds: int) -> JobFailedError:
    return JobFailedError(
        ErrorCode.SERVICE_ERROR,
        f"The job took longer than {seconds} s, which is all that a worker has; the stack's setting workerMinutes "
        "(JOB_TIMEOUT_SECONDS of a worker) may be raised.",
    )


async def _end(task: "asyncio.Task[object]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
