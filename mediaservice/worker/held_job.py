"""A job held by a worker. Each write succeeds only if no other worker has taken the job since."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from mediaservice.model.jobs import Attempt, Job, JobState
from mediaservice.store.errors import ChangedError, LeaseLostError
from mediaservice.store.jobs import Jobs
from mediaservice.store.tables.table import Stored

Change = Callable[[Job, datetime], Job]


class CancelRequestedError(Exception):
    """A client wants the job canceled."""


class HeldJob:
    def __init__(self, jobs: Jobs, stored: Stored[Job], holder: str) -> None:
        self._jobs = jobs
        self._stored = stored
        self._holder = holder
        self._lock = asyncio.Lock()

    @property
    def job(self) -> Job:
        return self._stored.value

    @property
    def attempt(self) -> Attempt:
        assert self._stored.value.attempt, "a job that is held has an attempt"
        return self._stored.value.attempt

    async def write(self, change: Change, *, canceling: bool = False) -> Job:
        """Apply `change` to the job as it is now.

        Raises LeaseLostError if it has another holder, and CancelRequestedError if it is being canceled, unless the
        change is for that case.
        """
        async with self._lock:
            while True:
                self._check(canceling=canceling)
                changed = change(self.job, datetime.now(UTC))
                if changed is self.job:
                    return changed
                try:
                    self._stored = await self._jobs.replace(self._stored, changed)
                except ChangedError:
                    await self._read()
                else:
                    return changed

    async def look(self) -> None:
        """Read changes by others. Raises the errors of `write`."""
        async with self._lock:
            await self._read()
            self._check(canceling=False)

    async def _read(self) -> None:
        found = await self._jobs.get(self.job.transform, self.job.name)
        if not found or found.value.instance != self.job.instance:
            raise LeaseLostError
        self._stored = found

    def _check(self, *, canceling: bool) -> None:
        if self.attempt.holder != self._holder:
            raise LeaseLostError
        if self.job.state is JobState.CANCELING and not canceling:
            raise CancelRequestedError
