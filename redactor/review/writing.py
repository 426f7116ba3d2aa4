"""Writes the decisions document."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Any

from redactor.documents import write_whole
from redactor.geometry import Box
from redactor.review.decisions import VERSION, Decision, Decisions, Stretch


def to_json(decisions: Decisions) -> dict[str, Any]:
    """Return the JSON document. Empty lists and absent values are left out."""
    lists = {
        "people": [{"id": one.id, "action": one.action.value} | _signature(one) for one in decisions.people],
        "merges": [{"ids": list(one.ids)} | _signature(one) for one in decisions.merges],
        "splits": [{"id": one.id, "time": one.time, "into": one.into} | _signature(one) for one in decisions.splits],
        "removals": [{"id": one.id} | _stretch(one.stretch) | _signature(one) for one in decisions.removals],
        "drawings": [
            {"keyframes": [{"time": key.time, "box": _box(key.box)} for key in one.keyframes]}
            | _stretch(one.stretch)
            | {"follow": one.follow}
            | _present(label=one.label)
            | _signature(one)
            for one in decisions.drawings
        ],
        "zones": [
            {"action": one.action.value}
            | _stretch(one.stretch)
            | _present(box=None if one.box is None else _box(one.box), id=one.id, label=one.label)
            | _signature(one)
            for one in decisions.zones
        ],
        "sound": [{"action": one.action.value} | _stretch(one.stretch) | _signature(one) for one in decisions.sound],
    }
    head: dict[str, Any] = {"version": VERSION, "timescale": decisions.timescale, "video": asdict(decisions.video)}
    if decisions.annotations is not None:
        head["annotations"] = {"sha256": decisions.annotations}
    return head | {key: values for key, values in lists.items() if values}


def text(decisions: Decisions) -> str:
    """Return the file's text, with a line for each decision."""
    return "".join(_lines(to_json(decisions)))


def write(path: Path, decisions: Decisions) -> None:
    """Write the file completely or not at all."""
    write_whole(path, text(decisions).encode())


def _lines(document: dict[str, Any]) -> Iterator[str]:
    separator = "{"
    for key, value in document.items():
        yield f"{separator}{json.dumps(key)}: "
        if isinstance(value, list):
            yield "[\n  " + ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n]"
        else:
            yield json.dumps(value, ensure_ascii=False)
        separator = ",\n "
    yield "}\n"


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _stretch(stretch: Stretch) -> dict[str, Any]:
    return _present(start=stretch.start, end=stretch.end)


def _signature(decision: Decision) -> dict[str, Any]:
    at = None if decision.at is None else decision.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return _present(reason=decision.reason, by=decision.by, at=at)


def _box(box: Box) -> dict[str, float]:
    place = {"x": box.left, "y": box.top, "width": box.width, "height": box.height}
    return {key: round(share, 6) for key, share in place.items()}
