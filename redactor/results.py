"""What a run reports while it goes on and when it is done."""

from dataclasses import dataclass

from redactor.geometry import Box


@dataclass(frozen=True, slots=True)
class Progress:
    """Frames written so far; `frames` is None where the container does not tell how many there are."""

    frame: int
    frames: int | None
    percent: float


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds that each stage was at work. Two threads share them, so they add up to more than the run took.

    `decode` and `analyse` (detection and tracking) are one thread's; `redact` (blurring, or in an analysis looking at
    faces and writing them down) and `encode` the other's.
    """

    decode: float
    analyse: float
    redact: float
    encode: float


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run. `width` and `height` in stored pixels, `seconds` of wall clock.

    `faces` counts people: ids of an analysis, or of the annotations that were followed. Without either they are not
    told apart, and it is the same as `tracks`, a track being a face without a break. `detections` counts the
    detector's hits that belong to a track, or the annotations' events.
    `dropped` names what the input held and the output does not; `converted` what could not be
    kept as it was.
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a face is; `frame` counts from 0, `time` is in seconds, `box` in shares of the upright picture."""

    frame: int
    time: float
    box: Box


@dataclass(frozen=True, slots=True)
class BareFace:
    """A face that a redacted video shows, from `start` to `end` in seconds, in `frames` frames of that stretch.

    `clearest` is where it shows most: `detail` is the share of what distinguishes the face that is still there.
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

    `tracks` faces were followed in the input. `bare_faces` counts the stretches in which one shows in the output,
    `bare_frames` the frames; `bare` lists the first thousand of the stretches, by time.
    """

    frames: int
    tracks: int
    bare_faces: int
    bare_frames: int
    bare: tuple[BareFace, ...]
    seconds: float
