"""Which files of an input asset a job works on, when its input does not say."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.jobs import AssetInput
from mediaservice.names import is_annotations, is_id_list, is_sidecar

LISTED = 10_000  # an analysis leaves a thumbnail of each face beside the video


def named(given: AssetInput, found: Sequence[str], *, to_redact: bool) -> AssetInput:
    """`given` with its files' names; `found` are those in the asset. Raises JobFailedError."""
    videos = [given.file] if given.file else [name for name in found if not (to_redact and is_sidecar(name))]
    if len(videos) != 1:
        many = "several" if videos else "none"
        raise _not_accessible(
            f"The input Asset '{given.asset}' holds {many}; it must hold exactly one file, or the job name one."
        )
    if not to_redact:
        return replace(given, file=videos[0])
    annotations = given.annotations or _beside(videos[0], "_annotations.json", list(filter(is_annotations, found)))
    if not annotations:
        raise _not_accessible(
            f"The input Asset '{given.asset}' holds no '{PurePosixPath(videos[0]).stem}_annotations.json', "
            "which the mode Redact needs."
        )
    ids = given.ids or _beside(videos[0], "_IDList.txt", list(filter(is_id_list, found)))
    return replace(given, file=videos[0], annotations=annotations, ids=ids)


def _beside(video: str, ending: str, found: Sequence[str]) -> str | None:
    """The one called after the video, else the only one."""
    own = f"{PurePosixPath(video).stem}{ending}".lower()
    called = [name for name in found if PurePosixPath(name).name.lower() == own]
    if len(called or found) == 1:
        return (called or found)[0]
    return None


def _not_accessible(message: str) -> JobFailedError:
    return JobFailedError(ErrorCode.DOWNLOAD_NOT_ACCESSIBLE, message)
