"""Doubtful places as JSON: in a result, and in a file beside the annotations, for review.

The file is {"version": 1, "width", "height", "count", "warnings", "places": [...]}, with the size of the upright
picture. Times are in seconds on the annotations' clock, places in shares of the upright picture.
"""

import json
from pathlib import Path
from typing import Any, Final

from redactor.documents import write_whole
from redactor.errors import ConfigurationUnsupported
from redactor.reports.bare_faces import shares
from redactor.results import DoubtfulPlace, Doubts

VERSION: Final = 1


def to_json(doubts: Doubts) -> list[dict[str, Any]]:
    return [_place(place) for place in doubts.places]


def document(doubts: Doubts, width: int, height: int) -> str:
    """Return the file's text. `width` and `height` are those of the upright picture."""
    head = {
        "version": VERSION,
        "width": width,
        "height": height,
        "count": doubts.count,
        "warnings": list(doubts.warnings),
        "places": [],
    }
    lines = ",\n".join(json.dumps(place) for place in to_json(doubts))
    return json.dumps(head)[: -len("]}")] + ("\n" + lines + "\n" if lines else "") + "]}\n"


def check_output(path: Path) -> None:
    """Raise ConfigurationUnsupported if the file cannot be written."""
    if not path.parent.is_dir():
        raise ConfigurationUnsupported(f"{path}: its folder does not exist")
    if path.is_dir():
        raise ConfigurationUnsupported(f"{path}: is a folder, not a file to write")


def write(path: Path, text: str) -> None:
    """Write the file completely or not at all."""
    write_whole(path, text.encode())


def _place(place: DoubtfulPlace) -> dict[str, Any]:
    return {
        "reason": place.reason.value,
        "score": round(place.score, 2),
        "firstFrame": place.first_frame,
        "lastFrame": place.last_frame,
        "start": round(place.start, 3),
        "end": round(place.end, 3),
        "frame": place.place.frame,
        "time": round(place.place.time, 3),
        **shares(place.place.box),
        "track": place.track,
    }
