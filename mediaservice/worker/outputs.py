"""Publishing a job's output: complete or not at all, and once. The order of writes is in mediaservice.store."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mediaservice.model import states
from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.jobs import AssetInput, Job
from mediaservice.names import file_of_path, file_of_url, redacted_name
from mediaservice.store.assets import Assets
from mediaservice.store.containers import Blob, Containers
from mediaservice.store.errors import NotThereError, OverwrittenError
from mediaservice.worker.holding import Holding

INSTANCE = "jobInstance"  # metadata: the job that the blob is an output of


@dataclass(frozen=True)
class Place:
    """Where an output goes, and what is there before."""

    container: str
    name: str
    former: Blob | None


@dataclass(frozen=True)
class Staged:
    place: Place
    blocks: list[str]


class Outputs:
    def __init__(self, containers: Containers, assets: Assets) -> None:
        self._containers = containers
        self._assets = assets

    async def place(self, job: Job, index: int) -> Place:
        """Raises JobFailedError when the output asset is gone."""
        name = job.outputs[index].asset
        asset = await self._assets.get(name)
        if not asset:
            raise JobFailedError(ErrorCode.UPLOAD_NOT_ACCESSIBLE, f"The output Asset '{name}' does not exist any more.")
        blob = redacted_name(input_name(job))
        return Place(asset.value.container, blob, await self._containers.properties(asset.value.container, blob))

    async def adopt(self, holding: Holding, index: int) -> bool:
        """Finish the output with what an earlier attempt committed before it could say so; False if none did."""
        if not holding.attempt.publishing:
            return False
        place = await self.place(holding.job, index)
        if not _is_of(place.former, holding.job):
            return False
        await holding.write(lambda job, now: states.finish_output(job, index, now))
        return True

    async def stage(self, place: Place, file: Path) -> Staged:
        try:
            return Staged(place, await self._containers.stage(place.container, place.name, file))
        except NotThereError:
            raise JobFailedError(
                ErrorCode.UPLOAD_NOT_ACCESSIBLE, "The output Asset's container does not exist any more."
            ) from None

    async def publish(self, holding: Holding, index: int, staged: Staged, metadata: Mapping[str, str]) -> None:
        """Commit and finish the output. Raises JobFailedError when others have written the blob meanwhile."""
        place = staged.place
        await holding.write(states.begin_publishing)
        try:
            await self._containers.commit(
                place.container, place.name, staged.blocks, {**metadata, INSTANCE: holding.job.instance}, place.former
            )
        except OverwrittenError:
            # Either a former holder of this job was faster, whose output is as good, or somebody else wrote.
            if await self.adopt(holding, index):
                return
            raise JobFailedError(
                ErrorCode.UPLOAD_NOT_ACCESSIBLE,
                f"The file '{place.name}' in the output Asset was changed by somebody else meanwhile.",
            ) from None
        await holding.write(lambda job, now: states.finish_output(job, index, now))

    async def withdraw(self, holding: Holding) -> None:
        """Before a job ends without success: take back or fence what an attempt may have published of it."""
        if not holding.attempt.publishing:
            return
        index = states.next_output(holding.job)
        if index is None:
            return
        try:
            place = await self.place(holding.job, index)
        except JobFailedError:
            return  # the asset is deleted, and its container with it
        try:
            if _is_of(place.former, holding.job):
                await self._containers.remove(place.container, place.name)
            else:
                await self._containers.fence(place.container, place.name, place.former)
        except OverwrittenError:
            await self.withdraw(holding)  # the former holder came first; now its output can be taken back


def input_name(job: Job) -> str:
    """The input's file name, for people to read."""
    if isinstance(job.input, AssetInput):
        return file_of_path(job.input.file or "")
    return file_of_url(job.input.url or "")


def _is_of(blob: Blob | None, job: Job) -> bool:
    # names of metadata travel as header names, whose case not every proxy keeps
    metadata = {key.lower(): value for key, value in blob.metadata.items()} if blob else {}
    return metadata.get(INSTANCE.lower()) == job.instance
