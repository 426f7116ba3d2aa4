"""One attempt at a job: download, redact, publish, while its lease is renewed, progress told and cancellation seen."""

import asyncio
import contextlib
import errno
import logging
import shutil
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mediaservice import telemetry
from mediaservice.model import states
from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.job_events import PROGRESS_SECONDS
from mediaservice.model.jobs import Job
from mediaservice.model.sources import File, Source, complete, sources, unnamed, version
from mediaservice.model.transforms import Mode
from mediaservice.settings import Work
from mediaservice.store.account import Store
from mediaservice.store.errors import LeaseLostError, TooLargeError
from mediaservice.store.work import Lease
from mediaservice.worker.disk import Disk
from mediaservice.worker.download import download, files_of
from mediaservice.worker.held_job import CancelRequestedError, HeldJob
from mediaservice.worker.job_metrics import JobMetrics
from mediaservice.worker.outputs import Outputs, Place, Staged
from mediaservice.worker.produced import produced_in
from mediaservice.worker.tasks import MAX_FILES, Material, main_name, perform
from mediaservice.worker.workspace import workspace

WATCH_SECONDS = 1.0  # cancellation is to be noticed within 2 s
SOURCE = "input.media"  # a user's file name never becomes a path
RENEWAL_SECONDS = 5.0  # what a request for a renewal may take when the attempt is over
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DOWNLOADED, REDACTED = 5, 95  # percent of the whole when that stage is over
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
        self._store = store
        self._settings = settings
        self._outputs = outputs
        self._held_job = held_job
        self._lease = lease
        self._stopping = stopping
        self._over = asyncio.Event()
        self._index = 0
        self._percent = 0
        self._part = (0, 1)  # which of how many sources

    async def run(self) -> Lease:
        """Until the job is over, or given back because this process must stop; gives the lease as it is then.

        Raises LeaseLostError; anything else that is raised is no fault of the job.
        """
        working = asyncio.create_task(self._work())
        watching = asyncio.create_task(self._watch())
        stopping = asyncio.create_task(self._stopping.wait())
        tasks = {working, watching, stopping}
        try:
            done, _ = await asyncio.wait(
                tasks,
                timeout=self._settings.timeout_seconds or None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            await _end(working)
            await self._end_watch(watching)
            await self._settle(working, watching, timed_out=not done)
        finally:
            for task in tasks:
                await _end(task)
        return self._lease

    async def _end_watch(self, watching: "asyncio.Task[None]") -> None:
        """Not in the middle of a renewal, whose new receipt would be lost and with it the message."""
        self._over.set()
        await asyncio.wait({watching}, timeout=RENEWAL_SECONDS)
        await _end(watching)

    async def _settle(self, working: "asyncio.Task[None]", watching: "asyncio.Task[None]", *, timed_out: bool) -> None:
        """All tasks have ended: with a result, an error, or because another one had."""
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
                self._index, self._percent = index, 0
                await self._held_job.write(self._begin)
                if await self._outputs.adopt(self._held_job, index):
                    continue
                try:
                    await self._output(folder, index)
                except JobFailedError as failed:
                    await self._fail(failed)
                except TooLargeError as error:
                    await self._fail(JobFailedError(ErrorCode.CONFIGURATION_UNSUPPORTED, f"The job's record: {error}"))
                except OSError as error:
                    if error.errno not in DISK_FULL:
                        raise
                    # another worker's disk is as large, so that trying again would not help
                    told = f"The worker's disk does not hold the input and what is made of it: {error.strerror}."
                    await self._fail(JobFailedError(ErrorCode.SERVICE_ERROR, told))
        await self._held_job.write(states.conclude)

    async def _output(self, folder: Path, index: int) -> None:
        """All sources first, then all that was made of them at once: an output is complete or absent."""
        await self._name_files()
        job = self._held_job.job
        mode = job.outputs[index].task.preset.mode
        found = sources(job)
        places = [await self._outputs.place(job, index, main_name(mode, source.video.name)) for source in found]
        staged: list[Staged] = []
        metrics = JobMetrics()
        for number, (source, place) in enumerate(zip(found, places, strict=True)):
            self._part = (number, len(found))
            here = folder / f"source-{number}"
            here.mkdir(exist_ok=True)
            try:
                made, done = await self._source(here, index, source, place)
            except JobFailedError as failed:
                raise failed if len(found) == 1 else failed.about(source.video.name) from None
            staged += made
            if len(staged) > MAX_FILES:
                raise JobFailedError(
                    ErrorCode.CONTENT_UNSUPPORTED, f"There are more than {MAX_FILES:,} files to publish."
                )
            metrics += done
            if len(found) > 1:  # what the largest needs is enough disk for all
                shutil.rmtree(here)
        await self._outputs.publish(self._held_job, index, staged)
        log.info("output published", extra={"job": job.name, "output": index, **metrics.metadata()})

    async def _source(self, folder: Path, index: int, source: Source, place: Place) -> tuple[list[Staged], JobMetrics]:
        job = self._held_job.job
        material = Material(folder / SOURCE, folder / "annotations.json", folder / "ids.txt")
        products = folder / f"output-{index}"
        preset = job.outputs[index].task.preset
        begun = time.monotonic()
        with telemetry.span("download"):
            await self._download(folder, source, material, to_redact=preset.mode is Mode.REDACT)
        downloaded = time.monotonic()
        self._reach(DOWNLOADED)
        with produced_in(products, self._settings.limits.file_bytes) as produced:
            with telemetry.span("redact", mode=preset.mode):
                made = await perform(
                    self._settings, preset, material, produced, source.video.name, self._engine_progress
                )
            redacted = time.monotonic()
            telemetry.record(telemetry.SPEED, made.result.frames / (redacted - downloaded), mode=preset.mode)
            with telemetry.span("upload"):
                staged = await self._outputs.stage_all(job, index, produced, made.products, place)
        self._reach(REDACTED)
        shutil.rmtree(products)
        metrics = JobMetrics(
            made.result.faces,
            made.result.frames,
            made.result.frames_with_faces,
            downloaded - begun,
            redacted - downloaded,
            time.monotonic() - redacted,
        )
        return [replace(each, metadata=metrics.metadata()) for each in staged], metrics

    async def _name_files(self) -> None:
        """An input asset's files are written down: the output is called after the video, in every attempt."""
        job = self._held_job.job
        listing = {asset: await files_of(self._store, asset) for asset in unnamed(job)}
        if listing and (completed := complete(job, listing)) != job.inputs:
            await self._held_job.write(lambda job, _: replace(job, inputs=completed))

    async def _download(self, folder: Path, source: Source, material: Material, *, to_redact: bool) -> None:
        """What an earlier output has not brought here yet."""
        wanted: list[tuple[File | None, Path]] = [(source.video, material.video)]
        if to_redact:
            wanted += [(source.annotations, material.annotations), (source.ids, material.ids)]
        for file, to in wanted:
            if file and not to.exists():
                disk = Disk(folder, self._settings.limits.disk_bytes)
                await download(self._store, self._settings.inputs, file, to, disk, version(self._held_job.job, file))

    def _begin(self, job: Job, now: datetime) -> Job:
        return states.begin_output(job, self._index, now)

    def _beat(self, job: Job, now: datetime) -> Job:
        """As far as the work has come; a job that has just ended stays as it is."""
        return job if job.state.final else states.progress(job, self._index, self._percent, now)

    async def _fail(self, failed: JobFailedError) -> None:
        """End the output in Error, unless a former attempt turns out to have published it."""
        if await self._outputs.adopt(self._held_job, self._index):
            return
        await self._outputs.withdraw(self._held_job)
        log.warning("output failed", extra={"job": self._held_job.job.name, "code": failed.error.code})
        await self._held_job.write(lambda job, now: states.fail_output(job, self._index, failed.error, now))

    def _engine_progress(self, percent: float) -> None:
        self._reach(DOWNLOADED + percent * (REDACTED - DOWNLOADED) / 100)

    def _reach(self, percent: float) -> None:
        """Of the source that is worked on."""
        number, of = self._part
        self._percent = int((100 * number + percent) / of)

    async def _watch(self) -> None:
        """Until the attempt is over. Raises LeaseLostError and CancelRequestedError."""
        renewed = written = time.monotonic()
        lease = self._settings.lease_seconds
        beat = min(lease / 3, PROGRESS_SECONDS)
        while not await self._over_within(min(WATCH_SECONDS, lease / 6)):
            now = time.monotonic()
            try:
                if now - renewed >= lease / 3:
                    self._lease = await self._store.work.renew(self._lease, lease)
                    renewed = now
                output = self._held_job.job.outputs[self._index]
                if now - written >= beat or (self._percent > output.progress and not output.state.final):
                    await self._held_job.write(self._beat)
                    written = now
                else:
                    await self._held_job.look()
            except (LeaseLostError, CancelRequestedError):
                raise
            except Exception:
                # Storage does not answer; the lease lasts for a while without it, and not longer.
                if now - renewed > lease * 2 / 3:
                    raise LeaseLostError from None
                log.warning("storage does not answer", exc_info=True)

    async def _over_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return self._over.is_set()


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
