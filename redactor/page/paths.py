"""The places of one drawn thing in all frames, as the engine covers it."""

import threading
from collections.abc import Generator
from typing import Any, Final

from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.errors import Cancelled
from redactor.geometry import Box
from redactor.options import Damaged
from redactor.page.reviewed import Reviewed
from redactor.review import reading
from redactor.review.following import follow
from redactor.review.trail import followed, held
from redactor.video.restarts import AnyPacket
from redactor.video.source import Source

DIGITS: Final = 5  # of shares


def path_of(video: Reviewed, drawing: Any, cancel: threading.Event) -> dict[str, Any]:
    """Return {"first": frame, "boxes": [[x, y, width, height] or null, ...]} for a decision of kind drawing.

    Raises ConfigurationUnsupported for a bad decision, and Cancelled.
    """
    annotations = video.annotations()
    document = {"version": 1, "timescale": annotations.timescale, "video": {"size": 0, "rate": 0, "pictures": ""}}
    decisions = reading.parse(document | {"drawings": [drawing]}, "drawing")
    (thing,) = decisions.drawings

    def read() -> Generator[VideoFrame | AnyPacket]:
        with Source(video.files.video, Damaged.SALVAGE) as source:
            for item in source.items():
                if cancel.is_set():
                    raise Cancelled("stopped")
                if not isinstance(item, Packet):
                    yield item

    with Source(video.files.video, Damaged.SALVAGE) as source:
        facts = source.facts
    trails = follow(decisions, facts, read, lambda _: None)
    places: list[Box | None] = []
    for start, end in video.frame_ticks():
        places.append(followed(thing, trails[0], start, end) if thing.follow else held(thing, start, end))
    there = [index for index, place in enumerate(places) if place is not None]
    if not there:
        return {"first": 0, "boxes": []}
    return {"first": there[0], "boxes": [_rounded(place) for place in places[there[0] : there[-1] + 1]]}


def _rounded(box: Box | None) -> list[float] | None:
    return None if box is None else [round(share, DIGITS) for share in (box.left, box.top, box.width, box.height)]
