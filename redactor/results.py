"""What a run reports while it goes on and when it is done."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Frames written so far; `frames` is None where the container does not tell how many there are."""

    frame: int
    frames: int | None
    percent: float


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run. Sizes in stored pixels, `seconds` of wall clock.

    `faces` counts distinct tracks, `detections` the detector's hits that belong to one of them.
    `dropped` names what the input held and the output does not; `converted` what could not be
    kept as it was.
    """

    frames: int
    frames_with_faces: int
    faces: int
    detections: int
    seconds: float
    width: int
    height: int
    audio_streams: int
    dropped: tuple[str, ...] = ()
    converted: tuple[str, ...] = ()
