"""A verification's findings as JSON for programs and as text for people."""

from pathlib import Path
from typing import Any, Final

from redactor.geometry import Box
from redactor.results import BareFace, Verification

LISTED: Final = 20  # findings in the text for people


def to_json(verification: Verification) -> dict[str, Any]:
    """Return the JSON object that scripts and the media service's worker read."""
    return {
        "frames": verification.frames,
        "tracks": verification.tracks,
        "bareFaces": verification.bare_faces,
        "bareFrames": verification.bare_frames,
        "bare": [_finding(face) for face in verification.bare],
        "seconds": round(verification.seconds, 3),
        "framesPerSecond": round(verification.frames / verification.seconds, 2),
    }


def summary(redacted: Path, verification: Verification) -> str:
    """Return one line on all findings, then one line for each of the first ones."""
    tracks = verification.tracks
    looked = f"{verification.frames} frames and {tracks} face {'track' if tracks == 1 else 'tracks'} looked at"
    if not verification.bare_faces:
        return f"{redacted}: no bare face found; {looked}"
    many = verification.bare_faces
    lines = [f"{redacted}: {many} bare {'face' if many == 1 else 'faces'}; {looked}"]
    lines += [_line(face) for face in verification.bare[:LISTED]]
    if many > LISTED:
        lines.append(f"and {many - LISTED} more; --json lists them")
    return "\n".join(lines)


def _finding(face: BareFace) -> dict[str, Any]:
    place = face.clearest
    return {
        "firstFrame": face.first_frame,
        "lastFrame": face.last_frame,
        "start": round(face.start, 3),
        "end": round(face.end, 3),
        "frames": face.frames,
        "frame": place.frame,
        "time": round(place.time, 3),
        **shares(place.box),
        "detail": round(face.detail, 2),
    }


def shares(box: Box) -> dict[str, float]:
    """Return a box in shares of the upright picture, in the form that annotations have."""
    return {
        name: round(share, 6)
        for name, share in (("x", box.left), ("y", box.top), ("width", box.width), ("height", box.height))
    }


def _line(face: BareFace) -> str:
    box, frames = face.clearest.box, "frame" if face.frames == 1 else "frames"
    (x, y), size = box.centre, box.height
    return (
        f"bare for {face.frames} {frames} from {_clock(face.start)}, clearest at {_clock(face.clearest.time)} "
        f"(frame {face.clearest.frame}), {x:.0%} from the left and {y:.0%} from the top, {size:.1%} of the height"
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}"
