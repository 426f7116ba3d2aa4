"""Reads the decisions document. Unknown members are refused: a mistyped or newer one may be there to cover a face."""

import itertools
import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypedDict

from redactor.documents import Reader, parsed
from redactor.geometry import Box
from redactor.people.annotations import LARGEST_BOX
from redactor.review.decisions import (
    VERSION,
    Cover,
    Decisions,
    Drawing,
    Keyframe,
    Merge,
    Person,
    Removal,
    Silence,
    Sound,
    Split,
    Stretch,
    Visibility,
    Zone,
)
from redactor.video.identity import read_identity

MEMBERS: Final = (
    "version", "timescale", "video", "annotations", "people", "merges", "splits", "removals", "drawings", "zones",
    "sound",
)  # fmt: skip
SIGNED: Final = ("reason", "by", "at")  # members of every decision
IDENTITY: Final = ("file", "size", "rate", "duration", "pictures")
LONGEST_TEXT: Final = 256  # characters of an author, a reason or a label
SHA256: Final = re.compile(r"[0-9a-f]{64}")
LATEST: Final = 2**53 - 1  # ticks; the largest whole number that JavaScript holds exactly


class _Signature(TypedDict):
    reason: str | None
    by: str | None
    at: datetime | None


def read(path: Path) -> Decisions:
    """Parse a file. Raise ConfigurationUnsupported with the place of the first mistake."""
    return parse(parsed(path), path.name)


def parse(document: Any, name: str = "decisions") -> Decisions:
    """Convert a JSON document. `name` is the file's, for messages. Raises as `read` does."""
    reader = _Reader(name)
    root = reader.mapping(document, "the file")
    version = reader.number(root, "version", "the file")
    if version != VERSION:
        raise reader.refused(f"version is {version:g}, allowed: {VERSION}")
    reader.only(root, MEMBERS, "the file")
    video = reader.mapping(root.get("video"), "video")
    reader.only(video, IDENTITY, "video")
    decisions = Decisions(
        timescale=reader.positive(root, "timescale", "the file"),
        video=read_identity(reader, video),
        annotations=reader.annotations(root),
        people=reader.all(root, "people", reader.person),
        merges=reader.all(root, "merges", reader.merge),
        splits=reader.all(root, "splits", reader.split),
        removals=reader.all(root, "removals", reader.removal),
        drawings=reader.all(root, "drawings", reader.drawing),
        zones=reader.all(root, "zones", reader.zone),
        sound=reader.all(root, "sound", reader.silence),
    )
    _check_ids(reader, decisions)
    return decisions


def _check_ids(reader: "_Reader", decisions: Decisions) -> None:
    if decisions.annotations is None and (named := next(decisions.named_ids(), None)) is not None:
        raise reader.refused(f"{named[0]} names id {named[1]}, so annotations must state the SHA-256 of their file")
    made: set[int] = set()
    for number, split in enumerate(decisions.splits):
        if split.into in made or split.into == split.id:
            raise reader.refused(f"into of splits[{number}] is {split.into}, must be a new id")
        made.add(split.into)


class _Reader(Reader):
    def all[T](self, root: dict[str, Any], key: str, one: Callable[[dict[str, Any], str], T]) -> tuple[T, ...]:
        values = self.sequence(root.get(key, []), key)
        places = [f"{key}[{number}]" for number in range(len(values))]
        return tuple(one(self.mapping(value, place), place) for value, place in zip(values, places, strict=True))

    def annotations(self, root: dict[str, Any]) -> str | None:
        if "annotations" not in root:
            return None
        holder = self.mapping(root["annotations"], "annotations")
        self.only(holder, ("sha256",), "annotations")
        value = holder.get("sha256")
        if not isinstance(value, str) or not SHA256.fullmatch(value):
            raise self.refused(f"sha256 of annotations is {value!r}, must be 64 hexadecimal digits in lower case")
        return value

    def person(self, holder: dict[str, Any], place: str) -> Person:
        self.only(holder, ("id", "action", *SIGNED), place)
        action = self.choice(holder, "action", Visibility, place)
        return Person(self.id(holder, "id", place), action, **self.signature(holder, place))

    def merge(self, holder: dict[str, Any], place: str) -> Merge:
        self.only(holder, ("ids", *SIGNED), place)
        values = self.sequence(holder.get("ids"), f"{place}.ids")
        numbered = {f"ids[{number}]": value for number, value in enumerate(values)}
        ids = tuple(self.id(numbered, key, place) for key in numbered)
        if len(ids) < 2 or len(set(ids)) < len(ids):
            raise self.refused(f"ids of {place} are {values}, must be two or more different ids")
        return Merge(ids, **self.signature(holder, place))

    def split(self, holder: dict[str, Any], place: str) -> Split:
        self.only(holder, ("id", "time", "into", *SIGNED), place)
        time = self.time(holder, "time", place)
        id_, into = self.id(holder, "id", place), self.id(holder, "into", place)
        return Split(id_, time, into, **self.signature(holder, place))

    def removal(self, holder: dict[str, Any], place: str) -> Removal:
        self.only(holder, ("id", "start", "end", *SIGNED), place)
        return Removal(self.id(holder, "id", place), self.stretch(holder, place), **self.signature(holder, place))

    def drawing(self, holder: dict[str, Any], place: str) -> Drawing:
        self.only(holder, ("keyframes", "start", "end", "follow", "label", *SIGNED), place)
        stretch = self.stretch(holder, place)
        keyframes = self.all(holder, "keyframes", lambda one, key: self.keyframe(one, f"{place}.{key}"))
        if not keyframes:
            raise self.refused(f"keyframes of {place} are missing, at least one is needed")
        times = [keyframe.time for keyframe in keyframes]
        for before, time in itertools.pairwise(times):
            if time <= before:
                raise self.refused(f"keyframes of {place} go from {before} to {time}, must be in order of time")
        if times[0] < (stretch.start or 0) or (stretch.end is not None and times[-1] >= stretch.end):
            raise self.refused(f"keyframes of {place} must be between its start and end")
        follow = holder.get("follow", True)
        if not isinstance(follow, bool):
            raise self.refused(f"follow of {place} is {follow!r}, must be true or false")
        label = self.text(holder, "label", place)
        return Drawing(keyframes, stretch, follow, label, **self.signature(holder, place))

    def keyframe(self, holder: dict[str, Any], place: str) -> Keyframe:
        self.only(holder, ("time", "box"), place)
        return Keyframe(self.time(holder, "time", place), self.box(holder.get("box"), f"{place}.box"))

    def zone(self, holder: dict[str, Any], place: str) -> Zone:
        self.only(holder, ("action", "start", "end", "box", "id", "label", *SIGNED), place)
        action, stretch = self.choice(holder, "action", Cover, place), self.stretch(holder, place)
        box = self.box(holder["box"], f"{place}.box") if "box" in holder else None
        id_ = self.id(holder, "id", place) if "id" in holder else None
        if action is Cover.COVER and id_ is not None:
            raise self.refused(f"{place} covers, so it can have no id")
        if (action is Cover.SHOW or box is None) and None in {stretch.start, stretch.end}:
            raise self.refused(f"{place} needs start and end; only a box that is covered may do without")
        return Zone(action, stretch, box, id_, self.text(holder, "label", place), **self.signature(holder, place))

    def silence(self, holder: dict[str, Any], place: str) -> Silence:
        self.only(holder, ("action", "start", "end", *SIGNED), place)
        stretch = self.stretch(holder, place)
        if None in {stretch.start, stretch.end}:
            raise self.refused(f"{place} needs start and end")
        return Silence(self.choice(holder, "action", Sound, place), stretch, **self.signature(holder, place))

    def stretch(self, holder: dict[str, Any], place: str) -> Stretch:
        start, end = (self.time(holder, key, place) if key in holder else None for key in ("start", "end"))
        if end is not None and end <= (start or 0):
            raise self.refused(f"end of {place} is {end}, must be after its start, {start or 0}")
        return Stretch(start, end)

    def time(self, holder: dict[str, Any], key: str, place: str) -> int:
        time = self.whole(holder, key, place)
        if not 0 <= time <= LATEST:
            raise self.refused(f"{key} of {place} is {time}, must be from 0 to {LATEST}")
        return time

    def id(self, holder: dict[str, Any], key: str, place: str) -> int:
        id_ = self.whole(holder, key, place)
        if not 0 <= id_ <= LATEST:
            raise self.refused(f"{key} of {place} is {id_}, must be from 0 to {LATEST}")
        return id_

    def box(self, value: Any, place: str) -> Box:
        holder = self.mapping(value, place)
        self.only(holder, ("x", "y", "width", "height"), place)
        x, y, width, height = (self.number(holder, key, place) for key in ("x", "y", "width", "height"))
        if not (0 < width <= LARGEST_BOX and 0 < height <= LARGEST_BOX):
            raise self.refused(f"{place} is {width:g} by {height:g} pictures large, allowed: above 0, to {LARGEST_BOX}")
        if max(abs(x), abs(y)) > LARGEST_BOX:
            raise self.refused(f"{place} is at {x:g}, {y:g}, allowed: -{LARGEST_BOX} to {LARGEST_BOX} pictures")
        return Box(x, y, x + width, y + height)

    def choice[E: StrEnum](self, holder: dict[str, Any], key: str, kind: type[E], place: str) -> E:
        value = holder.get(key)
        if value not in list(kind):
            raise self.refused(f"{key} of {place} is {value!r}, allowed: {', '.join(kind)}")
        return kind(value)

    def text(self, holder: dict[str, Any], key: str, place: str) -> str | None:
        if key not in holder:
            return None
        value = holder[key]
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
            raise self.refused(f"{key} of {place} must be a text of 1 to {LONGEST_TEXT} characters")
        return value

    def signature(self, holder: dict[str, Any], place: str) -> _Signature:
        reason, by, at = (self.text(holder, key, place) for key in SIGNED)
        return {"reason": reason, "by": by, "at": None if at is None else self.moment(at, place)}

    def moment(self, text: str, place: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self.refused(f"at of {place} is {text!r}, must be a time such as 2026-01-31T12:00:00Z")
        return moment
