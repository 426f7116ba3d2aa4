"""The videos of a job, with their annotations and lists of ids, found by the names of its inputs' files.

Annotations are called `*_annotations.json`, lists of ids `*_IDList.txt`. Each video takes those named after it. The
only video of a job takes the only ones, whatever their name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.jobs import AssetInput, HttpInput, Input, Job
from mediaservice.model.transforms import Mode
from mediaservice.names import file_of_path, file_of_url, is_annotations, is_id_list, is_sidecar, redacted_name

ANNOTATIONS, ID_LIST = "_annotations.json", "_IDList.txt"


@dataclass(frozen=True)
class File:
    """One file of an input."""

    of: Input
    path: str  # in the asset or of the address

    @property
    def name(self) -> str:
        """The file's name, for people."""
        return file_of_path(self.path)


def version(job: Job, file: File) -> str | None:
    """Return the eTag, without quotes, of the upload that the job is for, or None if its client gave none."""
    if not isinstance(file.of, HttpInput) or not file.of.url:
        return None
    if job.correlation_data.get("source") != file.of.url.partition("?")[0]:
        return None
    return job.correlation_data.get("eTag", "").strip('"') or None


@dataclass(frozen=True)
class Source:
    """One video, with the files that select the faces to redact."""

    video: File
    annotations: File | None = None
    ids: File | None = None


def redacts(job: Job) -> bool:
    """Return True if an output has the mode Redact, the only one that uses annotations and lists of ids."""
    return any(output.task.preset.mode is Mode.REDACT for output in job.outputs)


def problem(job: Job) -> str | None:
    """Return the reason why inputs with these names cannot be processed, or None."""
    selective = redacts(job)
    for given in job.inputs:
        if isinstance(given, HttpInput):
            if selective and not job.listed:
                return "the mode Redact takes a JobInputAsset or JobInputs with the video and its annotations"
            continue
        videos, annotations, ids = _sorted(given.files)
        if max(len(videos), len(annotations), len(ids)) > 1:
            return (
                "a job takes one video of an asset, with at most one *_annotations.json and one *_IDList.txt; "
                "several videos are JobInputs"
            )
        if not selective and (annotations or ids):
            return "annotations and lists of ids are for the mode Redact"
    all_named = all(isinstance(given, HttpInput) or given.files for given in job.inputs)
    try:
        found = _paired(job.inputs, selective=selective)
    except JobFailedError as failed:
        return str(failed).rstrip(".") if all_named else None
    for source in found if selective and all_named else ():
        if not source.annotations and isinstance(source.video.of, HttpInput):
            return f"there is no '{_called(source.video, ANNOTATIONS)}', which the mode Redact needs"
    return None


def unnamed(job: Job) -> tuple[str, ...]:
    """Return the assets whose files must be listed before `complete`."""
    selective = redacts(job)
    assets = [given.asset for given in job.inputs if isinstance(given, AssetInput) and not given.files]
    if selective and not assets:
        found = _paired(job.inputs, selective=True)
        assets = [s.video.of.asset for s in found if not s.annotations and isinstance(s.video.of, AssetInput)]
    return tuple(dict.fromkeys(assets))


def complete(job: Job, listing: Mapping[str, Sequence[str]]) -> tuple[Input, ...]:
    """Return the inputs with all their files named. `listing` has the names in each asset of `unnamed`.

    Raises JobFailedError.
    """
    selective = redacts(job)
    return tuple(
        replace(given, files=_completed(given, listing[given.asset], job, selective=selective), given=given.files)
        if isinstance(given, AssetInput) and given.asset in listing
        else given
        for given in job.inputs
    )


def sources(job: Job) -> tuple[Source, ...]:
    """Return the sources in the order of the inputs, which are complete. Raises JobFailedError."""
    selective = redacts(job)
    found = _paired(job.inputs, selective=selective)
    for source in found:
        if selective and not source.annotations:
            where = (
                f"The input Asset '{source.video.of.asset}'" if isinstance(source.video.of, AssetInput) else "The job"
            )
            wanted = _called(source.video, ANNOTATIONS)
            raise _not_accessible(f"{where} holds no '{wanted}', which the mode Redact needs.")
    return found


def _paired(inputs: Sequence[Input], *, selective: bool) -> tuple[Source, ...]:
    files = [File(given, path) for given in inputs for path in _paths(given)]
    annotations = [file for file in files if selective and is_annotations(file.path)]
    ids = [file for file in files if selective and is_id_list(file.path)]
    videos = [file for file in files if file not in (*annotations, *ids)]
    if not videos:
        raise _not_accessible("There is no video among the job's inputs.")
    made: set[str] = set()
    for video in videos:
        if (name := redacted_name(video.name).lower()) in made:
            raise JobFailedError(
                ErrorCode.CONFIGURATION_UNSUPPORTED,
                f"Several inputs are called '{PurePosixPath(video.name).stem}'; their outputs would have one name.",
            )
        made.add(name)
    alone = len(videos) == 1
    return tuple(
        Source(video, _of(video, annotations, ANNOTATIONS, alone=alone), _of(video, ids, ID_LIST, alone=alone))
        for video in videos
    )


def _paths(given: Input) -> tuple[str, ...]:
    return (file_of_url(given.url or ""),) if isinstance(given, HttpInput) else given.files


def _of(video: File, sidecars: Sequence[File], ending: str, *, alone: bool) -> File | None:
    called = [file for file in sidecars if file.name.lower() == _called(video, ending).lower()]
    possible = called or (sidecars if alone else ())
    return possible[0] if len(possible) == 1 else None


def _called(video: File, ending: str) -> str:
    return f"{PurePosixPath(video.name).stem}{ending}"


def _sorted(paths: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Sort files into videos, annotations and lists of ids."""
    annotations = [path for path in paths if is_annotations(path)]
    ids = [path for path in paths if is_id_list(path)]
    return [path for path in paths if path not in (*annotations, *ids)], annotations, ids


def _completed(given: AssetInput, found: Sequence[str], job: Job, *, selective: bool) -> tuple[str, ...]:
    _, annotations, ids = _sorted(found)
    videos = list(given.files) or [path for path in found if not (selective and is_sidecar(path))]
    if selective and job.listed and not videos and (annotations or ids):
        return (*annotations, *ids)  # for the videos of other inputs
    videos, *_ = _sorted(videos) if selective else (videos,)
    if len(videos) != 1:
        many = "several" if videos else "none"
        raise _not_accessible(
            f"The input Asset '{given.asset}' holds {many}; it must hold exactly one file, or the job name one."
        )
    if not selective:
        return (videos[0],)
    video = File(given, videos[0])
    beside = [
        _of(video, [File(given, path) for path in paths], ending, alone=True)
        for paths, ending in ((annotations, ANNOTATIONS), (ids, ID_LIST))
    ]
    return tuple(dict.fromkeys((videos[0], *(file.path for file in beside if file), *given.files)))


def _not_accessible(message: str) -> JobFailedError:
    return JobFailedError(ErrorCode.DOWNLOAD_NOT_ACCESSIBLE, message)
