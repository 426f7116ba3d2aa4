"""The parts of OData's $filter, $orderby and $top that Media Services offered, parsed into conditions.

Source: learn.microsoft.com, "Filtering, ordering, and paging of Media Services entities", its table of properties.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mediaservice.model.jobs import JobState
from mediaservice.utf16 import cut

CLAUSE = re.compile(
    r"\s*(?P<field>[A-Za-z][\w./]*)\s+(?P<operator>\w+)\s+(?P<literal>(?:[\w.]+)?'(?:[^']|'')*'|[^\s'()]+)\s*"
)
JOIN = re.compile(r"(and|or)(?=[\s(])\s*", re.IGNORECASE)
OPEN, CLOSE = re.compile(r"\s*\(\s*"), re.compile(r"\s*\)\s*")
MAX_DEPTH = 20
MAX_ALTERNATIVES = 10  # each is a search of its own
TOP = re.compile(r"[0-9]{1,9}")
QUOTED = re.compile(r"(?P<type>[\w.]+)?'(?P<text>(?:[^']|'')*)'")


class QueryError(ValueError):
    """A wrong query option. The message is one line that names it, its value and what is allowed."""


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
    """A property that can be filtered by. `name` is the client's spelling, such as properties/created.

    `values` are all that it can have; their case does not matter.
    """

    name: str
    kind: Kind
    operators: frozenset[Operator]
    values: tuple[str, ...] = ()


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
    """The query for one page. `after` continues behind the entry with that key.

    Listed entries satisfy all conditions of at least one of `alternatives`.
    """

    alternatives: tuple[tuple[Condition, ...], ...] = ((),)
    order: Order | None = None
    limit: int | None = None
    after: str | None = None


@dataclass(frozen=True)
class Queryable:
    """The properties that one kind of entity can be filtered and ordered by. Keys are in lower case."""

    fields: Mapping[str, Field]
    orders: Mapping[str, str]


def queryable(*fields: Field, orders: tuple[str, ...]) -> Queryable:
    return Queryable({field.name.lower(): field for field in fields}, {order.lower(): order for order in orders})


EQUAL = frozenset({Operator.EQ})
RANGE = frozenset({Operator.GT, Operator.GE, Operator.LT, Operator.LE})
CREATED, LAST_MODIFIED = "properties/created", "properties/lastModified"
JOBS = queryable(
    Field("name", Kind.TEXT, EQUAL),
    Field("properties/state", Kind.TEXT, frozenset({Operator.EQ, Operator.NE}), tuple(JobState)),
    Field(CREATED, Kind.TIME, RANGE),
    Field(LAST_MODIFIED, Kind.TIME, RANGE),
    orders=("name", CREATED, LAST_MODIFIED),
)
ASSETS = queryable(
    Field("name", Kind.TEXT, EQUAL | RANGE),
    Field("properties/alternateId", Kind.TEXT, EQUAL),
    Field("properties/assetId", Kind.TEXT, EQUAL),
    Field(CREATED, Kind.TIME, EQUAL | RANGE),
    orders=("name", CREATED),
)
TRANSFORMS = queryable(
    Field("name", Kind.TEXT, EQUAL),
    Field(CREATED, Kind.TIME, RANGE),
    Field(LAST_MODIFIED, Kind.TIME, RANGE),
    orders=("name", CREATED, LAST_MODIFIED),
)


type Alternatives = tuple[tuple[Condition, ...], ...]


def parse_filter(text: str | None, queryable: Queryable) -> Alternatives:
    """Parse clauses joined by `and`, which binds more closely, and `or`, with parentheses. Raises QueryError."""
    return _Parser(text, queryable.fields).whole() if text else ((),)


class _Parser:
    """A recursive-descent parser. Its result is alternatives of conditions that hold together."""

    def __init__(self, text: str, fields: Mapping[str, Field]) -> None:
        self._text = text
        self._fields = fields
        self._position = 0
        self._depth = 0

    def whole(self) -> Alternatives:
        read = self._either()
        if self._position < len(self._text):
            raise self._not_understood("clauses are joined by `and` and `or` only")
        return read

    def _either(self) -> Alternatives:
        read = self._all()
        while self._joined("or"):
            read = self._bounded((*read, *self._all()))
        return read

    def _all(self) -> Alternatives:
        read = self._one()
        while self._joined("and"):
            second = self._one()
            read = self._bounded(tuple((*first, *more) for first in read for more in second))
        return read

    def _one(self) -> Alternatives:
        if self._skipped(OPEN):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise QueryError(f"$filter has parentheses within more than {MAX_DEPTH} others")
            read = self._either()
            if not self._skipped(CLOSE):
                raise self._not_understood("a parenthesis is not closed")
            self._depth -= 1
            return read
        clause = CLAUSE.match(self._text, self._position)
        if not clause:
            raise self._not_understood("write `property operator literal`")
        self._position = clause.end()
        return ((_condition(clause, self._fields),),)

    def _joined(self, by: str) -> bool:
        joined = JOIN.match(self._text, self._position)
        if not joined or joined[1].lower() != by:
            return False
        self._position = joined.end()
        return True

    def _skipped(self, what: re.Pattern[str]) -> bool:
        found = what.match(self._text, self._position)
        if found:
            self._position = found.end()
        return found is not None

    def _bounded(self, read: Alternatives) -> Alternatives:
        if len(read) > MAX_ALTERNATIVES:
            raise QueryError(
                f"$filter has {len(read)} alternatives, as `or` makes them; at most {MAX_ALTERNATIVES} are allowed"
            )
        return read

    def _not_understood(self, hint: str) -> QueryError:
        return QueryError(f"$filter is not understood from {cut(self._text[self._position :], 100)!r} on; {hint}")


def _condition(clause: re.Match[str], queryable: Mapping[str, Field]) -> Condition:
    written = clause["field"]
    field = queryable.get(written.replace(".", "/").lower())
    if not field:
        allowed = ", ".join(each.name for each in queryable.values())
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
    if field.values:
        known = next((each for each in field.values if each.lower() == value.lower()), None)
        if known is None:
            raise QueryError(f"$filter compares {field.name} with {value!r}; it can be {', '.join(field.values)}")
        value = known
    return Condition(field.name, operator, value)


def _time(field: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise QueryError(
            f"$filter compares {field} with {text!r}; a time must look like 2026-01-31T12:00:00Z"
        ) from None


def parse_order(text: str | None, queryable: Queryable) -> Order | None:
    """Parse one property with `asc` (the default) or `desc`. Raises QueryError."""
    if not text or not text.strip():
        return None
    name, *direction = text.split()
    field = queryable.orders.get(name.replace(".", "/").lower())
    if not field or len(direction) > 1 or (direction and direction[0].lower() not in ("asc", "desc")):
        raise QueryError(f"$orderby is {text!r}; allowed are {', '.join(queryable.orders.values())}, with asc or desc")
    return Order(field, bool(direction) and direction[0].lower() == "desc")


def parse_top(text: str | None) -> int | None:
    if text is None:
        return None
    if not TOP.fullmatch(text) or int(text) < 1:
        raise QueryError(f"$top is {cut(text, 20)!r}; it must be a whole number from 1 to 999,999,999")
    return int(text)
