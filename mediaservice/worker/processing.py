"""Makes one output of a job: downloads its sources, redacts them, uploads and publishes the result."""

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path

from mediaservice import telemetry
from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.sources import File, Source, complete, sources, unnamed, version
from mediaservice.model.transforms import Mode
from mediaservice.settings import Work
from mediaservice.store.account import Store
from mediaservice.worker.disk import Disk
from mediaservice.worker.held_job import HeldJob
from mediaservice.worker.job_metrics import JobMetrics
from mediaservice.worker.outputs import Outputs, Place, Staged
from mediaservice.worker.produced import produced_in
from mediaservice.worker.progress import DOWNLOADED, REDACTED, Progress
from mediaservice.worker.tasks import MAX_FILES, Material, main_name, perform
from mediaservice.worker.transfer.download import download, files_of

SOURCE = "input.media"  # a user's file name never becomes a path
log = logging.getLogger(__name__)


class Processing:
    """The outputs of one attempt. Files that an output has downloaded serve the next one too."""

    def __init__(self, store: Store, settings: Work, outputs: Outputs, held_job: HeldJob, progress: Progress) -> None:
        self._store = store
        self._settings = settings
        self._outputs = outputs
        self._held_job = held_job
        self._progress = progress

    async def make(self, folder: Path, index: int) -> None:
        """Process all sources, then publish all at once: an output is complete or absent. Raises JobFailedError."""
        await self._name_files()
        job = self._held_job.job
        mode = job.outputs[index].task.preset.mode
        found = sources(job)
        places = [await self._outputs.place(job, index, main_name(mode, source.video.name)) for source in found]
        staged: list[Staged] = []
        metrics = JobMetrics()
        for number, (source, place) in enumerate(zip(found, places, strict=True)):
            self._progress.begin_source(number, len(found))
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
            if len(found) > 1:  # so that the disk needs room only for the largest source
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
        self._progress.reach(DOWNLOADED)
        with produced_in(products, self._settings.limits.file_bytes) as produced:
            with telemetry.span("redact", mode=preset.mode):
                made = await perform(
                    self._settings, preset, material, produced, source.video.name, self._progress.redacted
                )
            redacted = time.monotonic()
            telemetry.record(telemetry.SPEED, made.result.frames / (redacted - downloaded), mode=preset.mode)
            with telemetry.span("upload"):
                staged = await self._outputs.stage_all(job, index, produced, made.products, place)
        self._progress.reach(REDACTED)
        shutil.rmtree(products)
        metrics = JobMetrics(
            made.result.faces,
            made.result.frames,
            made.result.frames_with_faces,
            made.result.doubtful_places,
            downloaded - begun,
            redacted - downloaded,
            time.monotonic() - redacted,
        )
        return [replace(each, metadata=metrics.metadata()) for each in staged], metrics

    async def _name_files(self) -> None:
        """Write down the files of input assets, since every attempt names the output after the same video."""
        job = self._held_job.job
        listing = {asset: await files_of(self._store, asset) for asset in unnamed(job)}
        if listing and (completed := complete(job, listing)) != job.inputs:
            await self._held_job.write(lambda job, _: replace(job, inputs=completed))

    async def _download(self, folder: Path, source: Source, material: Material, *, to_redact: bool) -> None:
        """Download the files that an earlier output has not."""
        wanted: list[tuple[File | None, Path]] = [(source.video, material.video)]
        if to_redact:
            wanted += [(source.annotations, material.annotations), (source.ids, material.ids)]
        for file, to in wanted:
            if file and not to.exists():
                disk = Disk(folder, self._settings.limits.disk_bytes)
                await download(self._store, self._settings.inputs, file, to, disk, version(self._held_job.job, file))
