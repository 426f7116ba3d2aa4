"""Lists: the narrowest ranges of keys that answer a query in order, read one page at a time.

For orders without rows of their own (names backwards, by the last change), each page reads the keys of all entities
that pass the filter, while at most a page of entities is held.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mediaservice.model.query import CREATED, Condition, Operator, Order, Query, QueryError
from mediaservice.store.tables import keys
from mediaservice.store.tables.table import EntityTable, Range

PAGE_SIZE = 100
NEXT = "\x01"  # sorts before all characters in keys: `key + NEXT` is the first possible key behind `key`
Conditions = tuple[Condition, ...]


@dataclass(frozen=True)
class Page[T]:
    values: tuple[T, ...]
    after: str | None  # the start of the next page, or None at the end


@dataclass(frozen=True)
class Index:
    """Rows whose keys begin with a property's value.

    `values` are all possible values, each before those that may follow it in an entity's life. Read in this order, an
    entity that changes meanwhile is found at least once.
    """

    field: str
    prefix: Callable[[str], str]
    newest_first: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of the entries. Behind `prefix`, keys continue as in all other parts of the same order."""

    prefix: str
    order: str
    range: Range

    def place(self, key: str) -> str:
        return self.order + key.removeprefix(self.prefix)

    def behind(self, place: str) -> "Part":
        low = max(self.range.low, self.prefix + place.removeprefix(self.order) + NEXT)
        return replace(self, range=replace(self.range, low=low))


async def list_page[T](
    table: EntityTable[T],
    partition: str,
    query: Query,
    columns: Mapping[str, str],
    indexes: tuple[Index, ...] = (),
) -> Page[T]:
    """Return at most PAGE_SIZE entities. Raises QueryError if `after` is from another query."""
    limit = min(query.limit or PAGE_SIZE, PAGE_SIZE)
    if query.order and not _is_kept(query.order):
        return await _sorted_page(table, partition, query, query.order, columns, limit)
    parts = plan(query, columns, indexes)
    if query.after is not None:
        if not query.after.startswith(parts[0].order):
            raise QueryError("$skiptoken does not belong to this query")
        parts = [part.behind(query.after) for part in parts]
    found: dict[str, T] = {}
    async for place, value in _merged(table, partition, [p for p in parts if p.range.low < p.range.high], limit + 1):
        found[place] = value  # an entry that satisfies several alternatives comes several times
        if len(found) > limit:
            break
    values, places = list(found.values())[:limit], list(found)
    return Page(tuple(values), places[limit - 1] if len(found) > limit else None)


def plan(query: Query, columns: Mapping[str, str], indexes: tuple[Index, ...]) -> list[Part]:
    """Return one part per alternative if all have an index in the same order, else one for all."""
    if query.order is None or (query.order.field == CREATED and query.order.descending):
        query = replace(query, alternatives=_all_others(query.alternatives, indexes))
    alone = len(query.alternatives) == 1
    single = [_indexed(conditions, query.order, columns, indexes, alone=alone) for conditions in query.alternatives]
    parts = [part for part in single if part]
    if len(parts) == len(single) and len({part.order for part in parts}) == 1:
        return parts
    if query.order and query.order.field == "name":
        return [Part("n|", "n|", Range("n|", "n" + keys.END, _filters(query.alternatives, columns)))]
    prefix = "o|" if query.order and not query.order.descending else "c|"
    if not alone:
        return [Part(prefix, prefix, Range(prefix, prefix[:-1] + keys.END, _filters(query.alternatives, columns)))]
    return [_between(prefix, prefix, query.alternatives[0], columns, set(), inverted=prefix == "c|")]


def _all_others(alternatives: tuple[Conditions, ...], indexes: tuple[Index, ...]) -> tuple[Conditions, ...]:
    """Turn a `not equal` into alternatives, one per other value, each with its own keys."""
    for index in indexes if len(alternatives) == 1 else ():
        but = {c.value for c in alternatives[0] if c.field == index.field and c.operator is Operator.NE}
        better = any(c.operator is Operator.EQ and c.field in (index.field, "name") for c in alternatives[0])
        if but and not better and set(index.values) - but:
            rest = tuple(c for c in alternatives[0] if c.field != index.field)
            return tuple(
                (Condition(index.field, Operator.EQ, value), *rest) for value in index.values if value not in but
            )
    return alternatives


def _indexed(
    conditions: Conditions,
    order: Order | None,
    columns: Mapping[str, str],
    indexes: tuple[Index, ...],
    *,
    alone: bool,
) -> Part | None:
    named = [c for c in conditions if c.field == "name"]
    one = alone and any(c.operator is Operator.EQ for c in named)  # in any order
    if named and (one or order is None or order.field == "name"):
        return _named(named, conditions, columns)
    for index in indexes:
        condition = next((c for c in conditions if c.field == index.field and c.operator is Operator.EQ), None)
        suits = order is None or (index.newest_first and order.field == CREATED and order.descending)
        if condition and suits:
            prefix = index.prefix(str(condition.value)) + "|"
            of = "c|" if index.newest_first else prefix
            return _between(prefix, of, conditions, columns, {index.field}, inverted=index.newest_first)
    return None


def _named(named: Sequence[Condition], conditions: Conditions, columns: Mapping[str, str]) -> Part:
    low, high = "n|", "n" + keys.END
    for condition in named:
        key = keys.by_name(str(condition.value))
        if condition.operator in (Operator.EQ, Operator.GE):
            low = max(low, key)
        if condition.operator is Operator.GT:
            low = max(low, key + NEXT)
        if condition.operator is Operator.LT:
            high = min(high, key)
        if condition.operator in (Operator.EQ, Operator.LE):
            high = min(high, key + NEXT)
    return Part("n|", "n|", Range(low, high, _filters((conditions,), columns, {"name"})))


def _between(
    prefix: str,
    order: str,
    conditions: Conditions,
    columns: Mapping[str, str],
    done: set[str],
    *,
    inverted: bool,
) -> Part:
    """Turn bounds on the time of creation into bounds on the key."""
    low, high = prefix, prefix[:-1] + keys.END
    timed = prefix == "o|" or inverted
    for condition in conditions:
        if not timed or condition.field != CREATED or not isinstance(condition.value, datetime):
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
    return Part(
        prefix, order, Range(low, high, _filters((conditions,), columns, done | ({CREATED} if timed else set())))
    )


MIRRORED = {
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
}


def _filters(
    alternatives: tuple[Conditions, ...], columns: Mapping[str, str], done: frozenset[str] | set[str] = frozenset()
) -> tuple[tuple[tuple[str, str, str], ...], ...]:
    return tuple(
        tuple(
            (columns[condition.field], condition.operator.value, _written(condition))
            for condition in conditions
            if condition.field not in done
        )
        for conditions in alternatives
    )


def _written(condition: Condition) -> str:
    """Return a value in the form of the columns."""
    if isinstance(condition.value, datetime):
        return keys.straight(condition.value)
    return keys.of_name(condition.value) if condition.field == "name" else condition.value


async def _merged[T](
    table: EntityTable[T], partition: str, parts: Sequence[Part], page: int
) -> AsyncIterator[tuple[str, T]]:
    """Merge the entries of all parts into their common order, each with its position."""
    streams = [table.read(partition, part.range, page) for part in parts]
    heads = [await anext(stream, None) for stream in streams]  # one after the other, see Index
    waiting = {number: head for number, head in enumerate(heads) if head}
    while waiting:
        number = min(waiting, key=lambda number: parts[number].place(waiting[number][0]))
        key, value = waiting.pop(number)
        yield parts[number].place(key), value
        if following := await anext(streams[number], None):
            waiting[number] = following


def _is_kept(order: Order) -> bool:
    return order.field == CREATED or (order.field == "name" and not order.descending)


async def _sorted_page[T](
    table: EntityTable[T], partition: str, query: Query, order: Order, columns: Mapping[str, str], limit: int
) -> Page[T]:
    prefix, column = ("n|", "RowKey") if order.field == "name" else ("c|", columns[order.field])
    within = Range(prefix, prefix[:-1] + keys.END, _filters(query.alternatives, columns))
    if query.after is not None and f"|{prefix}" not in query.after:
        raise QueryError("$skiptoken does not belong to this query")
    best: list[str] = []

    def keep() -> None:
        best.sort(reverse=order.descending)
        del best[limit + 1 :]

    async for key, value in table.keys(partition, within, column):
        place = f"{value}|{key}"
        if query.after is None or (place < query.after if order.descending else place > query.after):
            best.append(place)
        if len(best) > 10 * PAGE_SIZE:
            keep()
    keep()
    chosen = best[:limit]
    rows = await asyncio.gather(*(table.get(partition, prefix + place.partition(f"|{prefix}")[2]) for place in chosen))
    return Page(tuple(row.value for row in rows if row), chosen[-1] if len(best) > limit else None)
