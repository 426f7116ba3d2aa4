"""Turns a query into the narrowest range of keys that answers it in order, and reads one page of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mediaservice.model.query import Condition, Operator, Query, QueryError
from mediaservice.store import keys
from mediaservice.store.table import EntityTable, Range

PAGE_SIZE = 100


@dataclass(frozen=True)
class Page[T]:
    values: tuple[T, ...]
    after: str | None  # where the next page continues; None at the end


@dataclass(frozen=True)
class Index:
    """Rows that are keyed by a property's value first."""

    field: str
    prefix: Callable[[str], str]
    newest_first: bool = False


async def list_page[T](
    table: EntityTable[T],
    partition: str,
    query: Query,
    columns: Mapping[str, str],
    indexes: tuple[Index, ...] = (),
) -> Page[T]:
    """At most PAGE_SIZE entities. Raises QueryError for an `after` that is not from the same query."""
    within = plan(query, columns, indexes)
    if query.after is not None and not within.low <= query.after < within.high:
        raise QueryError("$skiptoken does not belong to this query")
    if query.after is not None:
        within = Range(query.after + "\x01", within.high, within.columns)
    limit = min(query.limit or PAGE_SIZE, PAGE_SIZE)
    values: list[T] = []
    last: str | None = None
    async for key, value in table.read(partition, within, limit + 1):
        if len(values) == limit:
            return Page(tuple(values), last)
        values.append(value)
        last = key
    return Page(tuple(values), None)


def plan(query: Query, columns: Mapping[str, str], indexes: tuple[Index, ...]) -> Range:
    named = next((c for c in query.conditions if c.field == "name"), None)
    if named:
        key = keys.by_name(str(named.value))
        return Range(key, key + "\x01", _filters(query.conditions, columns, {"name"}))
    order = query.order
    for index in indexes:
        condition = next((c for c in query.conditions if c.field == index.field and c.operator is Operator.EQ), None)
        suits = order is None or (index.newest_first and order.field == "properties/created" and order.descending)
        if condition and suits:
            prefix = index.prefix(str(condition.value)) + "|"
            return _between(prefix, query.conditions, columns, {index.field}, inverted=index.newest_first)
    if order and order.field == "name":
        return Range("n|", "n" + keys.END, _filters(query.conditions, columns, set()))
    if order and not order.descending:
        return _between("o|", query.conditions, columns, set(), inverted=False)
    return _between("c|", query.conditions, columns, set(), inverted=True)


def _between(
    prefix: str,
    conditions: tuple[Condition, ...],
    columns: Mapping[str, str],
    done: set[str],
    *,
    inverted: bool,
) -> Range:
    """Bounds on the time of creation become bounds on the key; an equality stays a filter within them."""
    low, high = prefix, prefix[:-1] + keys.END
    timed = prefix in ("c|", "o|") or inverted
    for condition in conditions:
        if not timed or condition.field != "properties/created" or not isinstance(condition.value, datetime):
            continue
        key = prefix + (keys.inverted(condition.value) if inverted else keys.straight(condition.value))
        operator = MIRRORED[condition.operator] if inverted else condition.operator
        if operator in (Operator.GE, Operator.EQ):
            low = max(low, key)
        if operator is Operator.GT:
            low = max(low, key + keys.END)
        if operator is Operator.LT:
            high = min(high, key)
        if operator in (Operator.LE, Operator.EQ):
            high = min(high, key + keys.END)
    return Range(low, high, _filters(conditions, columns, done | ({"properties/created"} if timed else set())))


MIRRORED = {
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
}


def _filters(
    conditions: tuple[Condition, ...], columns: Mapping[str, str], done: set[str]
) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (
            columns[condition.field],
            condition.operator.value,
            keys.straight(condition.value) if isinstance(condition.value, datetime) else condition.value,
        )
        for condition in conditions
        if condition.field not in done
    )
