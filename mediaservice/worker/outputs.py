"""Publication of a job's output: complete or not at all, and once. docs/architecture.md has the order of writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from mediaservice.model import states
from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.jobs import Job
from mediaservice.store.assets import Assets
from mediaservice.store.containers import Blob, Containers
from mediaservice.store.errors import NotThereError, OverwrittenError
from mediaservice.worker.held_job import HeldJob
from mediaservice.worker.produced import Produced
from mediaservice.worker.tasks import Product

INSTANCE = "jobInstance"  # metadata: the job that has made the blob


@dataclass(frozen=True)
class Place:
    """The destination of an output, with the blob that is there before."""

    container: str
    name: str
    former: Blob | None


@dataclass(frozen=True)
class Staged:
    place: Place
    blocks: list[str]
    content_type: str = "video/mp4"
    metadata: Mapping[str, str] = field(default_factory=dict)


class Outputs:
    def __init__(self, containers: Containers, assets: Assets) -> None:
        self._containers = containers
        self._assets = assets

    async def place(self, job: Job, index: int, name: str) -> Place:
        """Return the destination of the file `name`. Raises JobFailedError if the output asset is gone."""
        output = job.outputs[index]
        asset = await self._assets.get(output.asset)
        if not asset:
            raise JobFailedError(
                ErrorCode.UPLOAD_NOT_ACCESSIBLE, f"The output Asset '{output.asset}' does not exist any more."
            )
        container = asset.value.container
        return Place(container, name, await self._containers.properties(container, name))

    async def adopt(self, held_job: HeldJob, index: int) -> bool:
        """Finish the output if an earlier attempt committed it without recording so. Return False if none did."""
        if not held_job.attempt.committing:
            return False
        place = await self.place(held_job.job, index, held_job.attempt.committing[-1])
        if not _is_of(place.former, held_job.job):
            return False
        await held_job.write(lambda job, now: states.finish_output(job, index, now))
        return True

    async def stage_all(
        self, job: Job, index: int, produced: Produced, products: Sequence[Product], main: Place
    ) -> list[Staged]:
        """Stage all products. `main` is the destination of the last one, as it was when the attempt began."""
        places = [await self.place(job, index, product.name) for product in products[:-1]]
        staged: list[Staged] = []
        for place, product in zip((*places, main), products, strict=True):
            with produced.open(product.file) as file:
                staged.append(await self.stage(place, file, product.content_type))
        return staged

    async def stage(self, place: Place, file: BinaryIO, content_type: str = "video/mp4") -> Staged:
        try:
            blocks = await self._containers.stage(place.container, place.name, file)
            return Staged(place, blocks, content_type)
        except NotThereError:
            raise JobFailedError(
                ErrorCode.UPLOAD_NOT_ACCESSIBLE, "The output Asset's container does not exist any more."
            ) from None

    async def publish(self, held_job: HeldJob, index: int, staged: Sequence[Staged]) -> None:
        """Commit and finish the output. Raises JobFailedError if others have written a blob meanwhile."""
        names = [each.place.name for each in staged]
        await held_job.write(lambda job, now: states.begin_publishing(job, names, now))
        for each in staged:
            await self._commit(each, held_job.job)
        await held_job.write(lambda job, now: states.finish_output(job, index, now))

    async def _commit(self, staged: Staged, job: Job) -> None:
        place = staged.place
        metadata = {**staged.metadata, INSTANCE: job.instance}
        try:
            await self._containers.commit(
                place.container, place.name, staged.blocks, metadata, place.former, staged.content_type
            )
        except OverwrittenError:
            # Either a former holder of this job was faster, whose output is as good, or another client has written.
            if not _is_of(await self._containers.properties(place.container, place.name), job):
                raise JobFailedError(
                    ErrorCode.UPLOAD_NOT_ACCESSIBLE,
                    f"The file '{place.name}' in the output Asset was changed by another client meanwhile.",
                ) from None

    async def withdraw(self, held_job: HeldJob) -> None:
        """Remove or fence the blobs that an attempt may have published, before a job ends without success."""
        index = states.next_output(held_job.job)
        if index is None:
            return
        for name in reversed(held_job.attempt.committing):
            await self._withdraw(held_job.job, index, name)

    async def _withdraw(self, job: Job, index: int, name: str) -> None:
        try:
            place = await self.place(job, index, name)
        except JobFailedError:
            return  # the asset and its container are deleted
        try:
            if _is_of(place.former, job):
                await self._containers.remove(place.container, place.name)
            else:
                await self._containers.fence(place.container, place.name, place.former)
        except OverwrittenError:
            await self._withdraw(job, index, name)  # the former holder was faster; now its output can be removed


def _is_of(blob: Blob | None, job: Job) -> bool:
    # metadata names are header names, whose case some proxies change
    metadata = {key.lower(): value for key, value in blob.metadata.items()} if blob else {}
    return metadata.get(INSTANCE.lower()) == job.instance
