"""The part of OData's $filter, $orderby and $top that Media Services offered, parsed into conditions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

CLAUSE = re.compile(
    r"\s*(?P<field>[A-Za-z][\w./]*)\s+(?P<operator>\w+)\s+(?P<literal>(?:[\w.]+)?'(?:[^']|'')*'|[^\s']+)\s*"
)
AND = re.compile(r"and\s", re.IGNORECASE)
QUOTED = re.compile(r"(?P<type>[\w.]+)?'(?P<text>(?:[^']|'')*)'")


class QueryError(ValueError):
    """One line that names the option, what it was and what is allowed."""


class Operator(StrEnum):
    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


class Kind(StrEnum):
    TEXT = "text"
    TIME = "time"


@dataclass(frozen=True)
class Field:
    """A property that may be filtered by; `name` as clients write it, such as properties/created."""

    name: str
    kind: Kind
    operators: frozenset[Operator]


@dataclass(frozen=True)
class Condition:
    field: str
    operator: Operator
    value: str | datetime


@dataclass(frozen=True)
class Order:
    field: str
    descending: bool


@dataclass(frozen=True)
class Query:
    """One page's worth: `after` continues behind the entry with that key."""

    conditions: tuple[Condition, ...] = ()
    order: Order | None = None
    limit: int | None = None
    after: str | None = None


TIME_OPERATORS = frozenset({Operator.GT, Operator.GE, Operator.LT, Operator.LE})


def fields(*offered: Field) -> Mapping[str, Field]:
    return {field.name.lower(): field for field in offered}


JOB_FIELDS = fields(
    Field("name", Kind.TEXT, frozenset({Operator.EQ})),
    Field("properties/state", Kind.TEXT, frozenset({Operator.EQ, Operator.NE})),
    Field("properties/created", Kind.TIME, TIME_OPERATORS),
    Field("properties/lastModified", Kind.TIME, TIME_OPERATORS),
)
ASSET_FIELDS = fields(
    Field("name", Kind.TEXT, frozenset({Operator.EQ})),
    Field("properties/alternateId", Kind.TEXT, frozenset({Operator.EQ})),
    Field("properties/assetId", Kind.TEXT, frozenset({Operator.EQ})),
    Field("properties/created", Kind.TIME, TIME_OPERATORS | {Operator.EQ}),
)
TRANSFORM_FIELDS = fields(
    Field("name", Kind.TEXT, frozenset({Operator.EQ})),
    Field("properties/created", Kind.TIME, TIME_OPERATORS),
    Field("properties/lastModified", Kind.TIME, TIME_OPERATORS),
)
ORDERS = ("name", "properties/created")


def parse_filter(text: str | None, offered: Mapping[str, Field]) -> tuple[Condition, ...]:
    """Clauses joined by `and`. Raises QueryError."""
    conditions: list[Condition] = []
    position = 0
    while text and position < len(text):
        clause = CLAUSE.match(text, position)
        if not clause:
            raise QueryError(
                f"$filter is not understood from {text[position:]!r} on; write `property operator literal`"
            )
        conditions.append(_condition(clause, offered))
        position = clause.end()
        if position < len(text):
            joined = AND.match(text, position)
            if not joined or joined.end() >= len(text):
                raise QueryError(
                    f"$filter is not understood from {text[position:]!r} on; clauses are joined by `and` only"
                )
            position = joined.end()
    return tuple(conditions)


def _condition(clause: re.Match[str], offered: Mapping[str, Field]) -> Condition:
    written = clause["field"]
    field = offered.get(written.replace(".", "/").lower())
    if not field:
        allowed = ", ".join(each.name for each in offered.values())
        raise QueryError(f"$filter names {written!r}; allowed are {allowed}")
    operator = next((each for each in Operator if each == clause["operator"].lower()), None)
    if operator not in field.operators:
        allowed = ", ".join(sorted(field.operators))
        raise QueryError(f"$filter compares {field.name} by {clause['operator']!r}; allowed are {allowed}")
    literal = clause["literal"]
    quoted = QUOTED.fullmatch(literal)
    value = quoted["text"].replace("''", "'") if quoted else literal
    if field.kind is Kind.TIME:
        return Condition(field.name, operator, _time(field.name, value))
    if not quoted:
        raise QueryError(f"$filter compares {field.name} with {literal}; a text must be in single quotes")
    return Condition(field.name, operator, value)


def _time(field: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise QueryError(
            f"$filter compares {field} with {text!r}; a time must look like 2026-01-31T12:00:00Z"
        ) from None


def parse_order(text: str | None) -> Order | None:
    """`name`, `properties/created`, each with `asc` (the default) or `desc`. Raises QueryError."""
    if not text or not text.strip():
        return None
    name, *direction = text.split()
    field = next((each for each in ORDERS if each == name.replace(".", "/").lower()), None)
    if not field or len(direction) > 1 or (direction and direction[0].lower() not in ("asc", "desc")):
        raise QueryError(f"$orderby is {text!r}; allowed are {' and '.join(ORDERS)}, with asc or desc")
    descending = bool(direction) and direction[0].lower() == "desc"
    if field == "name" and descending:
        raise QueryError("$orderby is 'name desc'; names are listed in ascending order only")
    return Order(field, descending)


def parse_top(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise QueryError(f"$top is {text!r}; it must be a positive whole number")
    return int(text)
