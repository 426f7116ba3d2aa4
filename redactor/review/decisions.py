"""The decisions document's content. `decisions.schema.json` is its schema, docs/review-decisions.md explains it.

Times are in ticks of the document's `timescale`, on the annotations' clock: the output's, from 0. Boxes are in shares
of the upright picture.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from redactor.errors import ConfigurationUnsupported
from redactor.geometry import Box
from redactor.people import annotations
from redactor.video.identity import VideoIdentity

VERSION: Final = 1


class Cover(StrEnum):
    """The action of a zone."""

    COVER = "cover"
    SHOW = "show"


class Visibility(StrEnum):
    """The action on a person."""

    SHOW = "show"
    HIDE = "hide"


class Sound(StrEnum):
    """The action on a stretch of sound."""

    MUTE = "mute"
    BLEEP = "bleep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision's reason (a code), author and time, each if known."""

    reason: str | None = None
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time from `start` up to `end`. None stands for the video's start or end."""

    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Person(Decision):
    """A person who is shown or hidden."""

    id: int
    action: Visibility


@dataclass(frozen=True, slots=True)
class Merge(Decision):
    """Ids of one person."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Split(Decision):
    """From `time` on, the faces of `id` have the new id `into`."""

    id: int
    time: int
    into: int


@dataclass(frozen=True, slots=True)
class Removal(Decision):
    """An id, or a stretch of it, that is no face."""

    id: int
    stretch: Stretch = Stretch()


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A thing's place at a time, set by a person."""

    time: int
    box: Box


@dataclass(frozen=True, slots=True)
class Drawing(Decision):
    """A thing to cover, with one or more places in order of time.

    With `follow` the engine follows the thing between the keyframes and beyond them: to a cut, to the ends of
    `stretch`, or until it is lost. Otherwise places are interpolated, and hold from the last keyframe to the ends of
    `stretch`.
    """

    keyframes: tuple[Keyframe, ...]
    stretch: Stretch = Stretch()
    follow: bool = True
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Zone(Decision):
    """A fixed box, or the whole picture, covered or shown for a stretch. `id` limits what is shown to one person."""

    action: Cover
    stretch: Stretch = Stretch()
    box: Box | None = None
    id: int | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Silence(Decision):
    """A stretch of sound, muted or bleeped."""

    action: Sound
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class Decisions:
    """A whole document. `annotations` is the SHA-256 of the annotations file whose ids it names."""

    timescale: int
    video: VideoIdentity
    annotations: str | None = None
    people: Sequence[Person] = ()
    merges: Sequence[Merge] = ()
    splits: Sequence[Split] = ()
    removals: Sequence[Removal] = ()
    drawings: Sequence[Drawing] = ()
    zones: Sequence[Zone] = ()
    sound: Sequence[Silence] = ()

    def named_ids(self) -> Iterator[tuple[str, int]]:
        """Yield the ids that have to exist, each with its place."""
        yield from ((f"people[{n}]", one.id) for n, one in enumerate(self.people))
        yield from ((f"merges[{n}]", id_) for n, one in enumerate(self.merges) for id_ in one.ids)
        yield from ((f"splits[{n}]", one.id) for n, one in enumerate(self.splits))
        yield from ((f"removals[{n}]", one.id) for n, one in enumerate(self.removals))
        yield from ((f"zones[{n}]", one.id) for n, one in enumerate(self.zones) if one.id is not None)


def digest(path: Path) -> str:
    """Return the SHA-256 of an annotations file, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationUnsupported(f"{path}: cannot be read ({error.strerror})") from error


def begun(path: Path) -> Decisions:
    """Return a document without decisions for the annotations file at `path`, which `analyze` wrote."""
    read = annotations.read(path)
    if read.video is None:
        raise ConfigurationUnsupported(f"{path.name}: does not name its video; analyse the video again")
    return Decisions(read.timescale, read.video, digest(path))
