"""The decisions document: schema, reader and writer agree, and mistakes are named with their place."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import redactor
from redactor.errors import ConfigurationUnsupported
from redactor.geometry import Box
from redactor.people import annotations
from redactor.review.decisions import Cover, Decisions, Stretch, begun, digest
from redactor.review.reading import parse, read
from redactor.review.writing import to_json, write

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "review-decisions.md").read_text()
SCHEMA = json.loads((files("redactor.review") / "decisions.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
EXAMPLE = json.loads(re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)[0])
BOX = {"x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}


def with_(key: str, *values: Any, **root: Any) -> dict[str, Any]:
    """Return the example with these values alone in one of its lists."""
    return {name: EXAMPLE[name] for name in ("version", "timescale", "video", "annotations")} | {key: [*values]} | root


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in EXAMPLE.items() if name != key}


def drawing(*times: int, **more: Any) -> dict[str, Any]:
    return {"keyframes": [{"time": time, "box": BOX} for time in times]} | more


def test_schema_is_a_json_schema() -> None:
    jsonschema_rs.meta.validate(SCHEMA)


def test_page_s_example_is_valid_and_has_every_member() -> None:
    VALIDATOR.validate(EXAMPLE)
    assert EXAMPLE.keys() == SCHEMA["properties"].keys()
    parse(EXAMPLE)


def test_page_names_every_member() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))
    own = {member for kind in SCHEMA["$defs"].values() for member in kind.get("properties", {})} - BOX.keys()
    assert SCHEMA["properties"].keys() | own <= named


@pytest.mark.parametrize(
    "document",
    [
        without("annotations") | {key: [] for key in ("people", "merges", "splits", "removals", "zones")},
        with_("people"),
        with_("people", {"id": 1.0, "action": "hide"}, {"id": 1, "action": "show"}),
        with_("drawings", drawing(0), drawing(5, 9, start=5, end=10, follow=False, label="a screen", reason="(b)(6)")),
        with_("zones", {"action": "show", "start": 0, "end": 1}, {"action": "cover", "box": BOX, "start": 5}),
        with_("zones", {"action": "cover", "box": BOX | {"x": -0.5, "width": 2}}),
        with_("removals", {"id": 4, "start": 3}),
        with_("splits", {"id": 1, "time": 0, "into": 5}, {"id": 5, "time": 9, "into": 6}),
        with_("people", {"id": 1, "action": "show", "at": "2026-01-31T12:00:00.125+02:00"}),
    ],
)
def test_schema_and_reader_accept_the_same_documents(document: dict[str, Any]) -> None:
    VALIDATOR.validate(document)
    decisions = parse(document)
    rendered = to_json(decisions)
    VALIDATOR.validate(rendered)
    assert parse(rendered) == decisions


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "decisions: the file must be an object"),
        (EXAMPLE | {"version": 2}, "version is 2, allowed: 1"),
        (EXAMPLE | {"timescale": 0}, "timescale of the file is 0, must be whole and above 0"),
        (EXAMPLE | {"approved": True}, "the file has 'approved', allowed: version, timescale"),
        (without("video"), "video must be an object"),
        (EXAMPLE | {"video": {"size": 1, "rate": "fast", "pictures": ""}}, "rate of video is 'fast', must be a number"),
        (without("annotations"), r"people\[0\] names id 3, so annotations must state the SHA-256"),
        (EXAMPLE | {"annotations": {"sha256": "ABC"}}, "sha256 of annotations is 'ABC', must be 64 hexadecimal digits"),
        (EXAMPLE | {"people": {}}, "people must be a list"),
        (with_("people", {"id": 3, "action": "keep"}), r"action of people\[0\] is 'keep', allowed: show, hide"),
        (
            with_("people", {"id": 3, "action": "show", "att": ""}),
            r"people\[0\] has 'att', allowed: id, action, reason",
        ),
        (with_("people", {"id": -1, "action": "show"}), r"id of people\[0\] is -1, must be from 0"),
        (with_("people", {"id": True, "action": "show"}), r"id of people\[0\] is True, must be a number"),
        (with_("people", {"id": 3, "action": "show", "by": ""}), r"by of people\[0\] must be a text of 1 to 256 ch"),
        (with_("people", {"id": 3, "action": "show", "at": "today"}), r"at of people\[0\] is 'today', must be a time"),
        (with_("people", {"id": 3, "action": "show", "at": "2026-01-31T12:00:00"}), "must be a time such as"),
        (with_("merges", {"ids": [1]}), r"ids of merges\[0\] are \[1\], must be two or more different ids"),
        (with_("merges", {"ids": [1, 1]}), r"ids of merges\[0\] are \[1, 1\]"),
        (with_("merges", {"ids": [1, 2.5]}), r"ids\[1\] of merges\[0\] is 2.5, must be whole"),
        (with_("splits", {"id": 1, "into": 2}), r"time of splits\[0\] is None, must be a number"),
        (with_("drawings", {"keyframes": []}), r"keyframes of drawings\[0\] are missing"),
        (with_("drawings", drawing(3, folow=False)), r"drawings\[0\] has 'folow', allowed: keyframes, start"),
        (with_("drawings", drawing(3, follow="no")), r"follow of drawings\[0\] is 'no', must be true or false"),
        (
            with_("drawings", {"keyframes": [{"time": 0, "box": BOX | {"width": 0}}]}),
            r"drawings\[0\].keyframes\[0\].box is 0 by 0.4 pictures large, allowed: above 0, to 4",
        ),
        (
            with_("drawings", {"keyframes": [{"time": 0, "box": BOX | {"y": 400}}]}),
            r"drawings\[0\].keyframes\[0\].box is at 0.1, 400, allowed: -4 to 4",
        ),
        (
            with_("zones", {"action": "show", "box": BOX, "start": 1}),
            r"zones\[0\] needs start and end; only a box that",
        ),
        (with_("zones", {"action": "cover"}), r"zones\[0\] needs start and end"),
        (with_("zones", {"action": "cover", "box": BOX, "id": 1}), r"zones\[0\] covers, so it can have no id"),
        (with_("sound", {"action": "mute", "start": 1}), r"sound\[0\] needs start and end"),
        (
            with_("sound", {"action": "beep", "start": 1, "end": 2}),
            r"action of sound\[0\] is 'beep', allowed: mute, bl",
        ),
        (with_("sound", {"action": "mute", "start": 1.5, "end": 2}), r"start of sound\[0\] is 1.5, must be whole"),
    ],
)
def test_schema_and_reader_refuse_the_same_documents(document: Any, message: str) -> None:
    assert not VALIDATOR.is_valid(document)
    with pytest.raises(ConfigurationUnsupported, match=message):
        parse(document)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (with_("drawings", drawing(4, 4)), r"keyframes of drawings\[0\] go from 4 to 4, must be in order of time"),
        (with_("drawings", drawing(4, start=5)), r"keyframes of drawings\[0\] must be between its start and end"),
        (with_("drawings", drawing(4, end=4)), r"keyframes of drawings\[0\] must be between its start and end"),
        (with_("removals", {"id": 1, "start": 5, "end": 5}), r"end of removals\[0\] is 5, must be after its start, 5"),
        (with_("splits", {"id": 1, "time": 0, "into": 1}), r"into of splits\[0\] is 1, must be a new id"),
        (
            with_("splits", {"id": 1, "time": 0, "into": 5}, {"id": 2, "time": 0, "into": 5}),
            r"into of splits\[1\] is 5, must be a new id",
        ),
    ],
)
def test_reader_refuses_what_a_schema_cannot(document: Any, message: str) -> None:
    VALIDATOR.validate(document)
    with pytest.raises(ConfigurationUnsupported, match=message):
        parse(document)


def test_what_is_read_is_what_the_file_says() -> None:
    decisions = parse(EXAMPLE)
    assert (decisions.timescale, decisions.video.file) == (12800, "party.mp4")
    assert [one.stretch for one in decisions.removals] == [Stretch(), Stretch(12800, 25600)]
    assert decisions.drawings[0].keyframes[0].box.width == pytest.approx(0.05)
    assert decisions.zones[0].box == Box(0, 0.9, 0.3, 1.0)
    assert [zone.action for zone in decisions.zones] == [Cover.COVER, Cover.COVER, Cover.SHOW]


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    decisions, path = parse(EXAMPLE), tmp_path / "party_decisions.json"
    write(path, decisions)
    assert read(path) == decisions
    VALIDATOR.validate(json.loads(path.read_text()))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "edited.json"
    path.write_text("{")
    with pytest.raises(ConfigurationUnsupported, match=r"edited\.json: not JSON"):
        read(path)


def test_an_analysis_begins_a_document(walking_clip: Path, tmp_path: Path) -> None:
    redactor.analyze(walking_clip, tmp_path)
    path = tmp_path / "walk_annotations.json"
    decisions = begun(path)
    assert decisions == Decisions(12800, annotations.read(path).video or pytest.fail("no video"), digest(path))
    VALIDATOR.validate(to_json(decisions))


def test_annotations_of_another_program_begin_none(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.json"
    path.write_text('{"version": 1, "timescale": 1000, "fragments": []}')
    with pytest.raises(ConfigurationUnsupported, match=r"elsewhere\.json: does not name its video"):
        begun(path)
