"""Progress and results of a run."""

from dataclasses import dataclass
from enum import StrEnum

from redactor.geometry import Box


@dataclass(frozen=True, slots=True)
class Progress:
    """Frames written so far. `frames` is None if the container does not state the total."""

    frame: int
    frames: int | None
    percent: float


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds of work in each stage. Two threads share the stages, so the sum may exceed the run's duration.

    One thread does `decode` and `analyse` (detection and tracking). The other does `redact` (drawing masks, or in an
    analysis comparing and recording faces) and `encode`.
    """

    decode: float
    analyse: float
    redact: float
    encode: float


@dataclass(frozen=True, slots=True)
class Replaced:
    """Consecutive damaged pictures, replaced by the last good one. Times are in seconds of the output."""

    start: float
    end: float
    frames: int


@dataclass(frozen=True, slots=True)
class Place:
    """A face's place. `frame` counts from 0, `time` is in seconds, `box` in shares of the upright picture."""

    frame: int
    time: float
    box: Box


@dataclass(frozen=True, slots=True)
class BareFace:
    """A face that a redacted video shows, in `frames` frames between `start` and `end`, in seconds.

    `clearest` is the place with the most visible detail. `detail` is the share of the face's detail visible there.
    """

    first_frame: int
    last_frame: int
    start: float
    end: float
    frames: int
    clearest: Place
    detail: float


@dataclass(frozen=True, slots=True)
class Verification:
    """A finished comparison of a redacted video with its input.

    `tracks` counts the faces tracked in the input. `bare_faces` counts the periods in which the output shows one of
    them, `bare_frames` the frames. `bare` lists the first thousand periods by time.
    """

    frames: int
    tracks: int
    bare_faces: int
    bare_frames: int
    bare: tuple[BareFace, ...]
    seconds: float


class Reason(StrEnum):
    """Reasons for a doubtful place."""

    REFUSED = "refused"  # a candidate that was almost accepted as a face, and is not covered
    LATE = "late"  # a face that was accepted too late to be covered from its first sighting
    ENDED = "ended"  # a face that was lost in the middle of the picture, without a cut
    SMALL = "small"
    DARK = "dark"
    TURNED = "turned"  # a face that was mostly seen from the side or from behind


@dataclass(frozen=True, slots=True)
class DoubtfulPlace:
    """A period in which a face may be bare, or was found by luck.

    `score` is above 0 and at most 1; places with larger scores deserve a look first. `track` is None for a refused
    candidate.
    """

    reason: Reason
    score: float
    first_frame: int
    last_frame: int
    start: float
    end: float
    place: Place
    track: int | None = None


@dataclass(frozen=True, slots=True)
class Doubts:
    """A run's doubtful places with the highest scores, in order of time. `count` counts all of them.

    `warnings` concern the run as a whole.
    """

    places: tuple[DoubtfulPlace, ...] = ()
    count: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppliedDrawing:
    """Frames in which a drawn thing was covered, and the first and last of their ticks.

    `begins` and `ends` say why it was not followed further: `video`, `set`, `cut`, `left` or `lost`. They are None for
    a drawing that is not followed.
    """

    frames: int
    start: int
    end: int
    begins: str | None = None
    ends: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A review's decisions, as they were applied.

    `shown` counts people who were never covered, `removed` faces in frames that were removed. `zones` holds, for each
    zone, the frames in which it had an effect. `sound` counts stretches.
    """

    shown: int
    removed: int
    drawings: tuple[AppliedDrawing, ...]
    zones: tuple[int, ...]
    sound: int


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run. `width` and `height` are in stored pixels, `seconds` is wall clock time.

    `faces` counts people: the ids of an analysis, or those covered from annotations. A run without either does not
    identify people, and `faces` equals `tracks`. A track is one face followed without a break. `detections` counts
    detections that belong to a track, or the annotations' events.
    `dropped` lists the parts of the input that the output lacks, `converted` those that changed format or were
    repaired, `replaced` the replaced damaged pictures. `doubts` lists the places that deserve a look.
    `decisions` is None without a review's decisions.
    """

    frames: int
    frames_with_faces: int
    faces: int
    tracks: int
    detections: int
    seconds: float
    stages: Stages
    width: int
    height: int
    audio_streams: int
    dropped: tuple[str, ...] = ()
    converted: tuple[str, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    doubts: Doubts = Doubts()
    decisions: Applied | None = None
