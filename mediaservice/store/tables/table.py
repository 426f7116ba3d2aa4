"""Entities of one type in one table, each stored under its name and under every key that it is listed by.

All rows of an entity share a partition and are written in one transaction, so that every list is exact and
is read in its own order, a page at a time, without reading the rest. The row under the name is the entity
proper: its ETag is the entity's, and only it holds what lists must not show.
"""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import TableTransactionError
from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter, ValidationError

from mediaservice.store.errors import ChangedError, ExistsError, TooLargeError
from mediaservice.store.tables.insert_batching import InsertBatching, Operations
from mediaservice.utf16 import pieces, units

CHUNK = 30_000  # UTF-16 units; a property holds 32 Ki
COLUMN = "Document"
# UTF-16 units; an entity has 512 Ki, names of properties included. What a client gives leaves room for what follows.
MAX_UNITS, MAX_GIVEN = 500_000, 450_000
MAX_PAYLOAD, OPERATION_BYTES = 4_000_000, 1500  # of a transaction, which has 4 MiB; beside an operation's entity
REPLACE = {"mode": "replace"}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored[T]:
    value: T
    etag: str


@dataclass(frozen=True)
class Rows[T]:
    """How an entity is laid out: `columns` can be filtered by, `listed` is what copies hold."""

    partition: str
    key: str
    copies: frozenset[str]
    columns: Mapping[str, str]
    listed: T


@dataclass(frozen=True)
class Range:
    """Keys from `low` (inclusive) to `high` (exclusive); the columns must satisfy all of at least one of `either`."""

    low: str
    high: str
    either: tuple[tuple[tuple[str, str, str], ...], ...] = ()  # column, operator, value; none: whatever they hold


class EntityTable[T]:
    def __init__(self, client: TableClient, adapter: TypeAdapter[T]) -> None:
        self._client = client
        self._adapter = adapter
        self._insertions = InsertBatching(self._submit)

    async def get(self, partition: str, key: str) -> Stored[T] | None:

        try:
            entity = await self._client.get_entity(partition, key)
        except ResourceNotFoundError as error:
            if _is_whole_table(error):
                raise
            return None
        return Stored(self._load(entity), str(entity.metadata["etag"]))

    def check(self, rows: Rows[T], value: T, beside: Mapping[str, Any] | None = None) -> None:
        """Raises TooLargeError when a client has given more than can be kept with what is added to it later."""
        _check([("create", self.entity(rows, rows.key, value)), *self._copies(rows), *_created(beside)], MAX_GIVEN)

    async def insert(self, rows: Rows[T], value: T, beside: Mapping[str, Any] | None = None) -> Stored[T]:
        """Raises ExistsError and TooLargeError. `beside`: a row of another kind that must not be there either."""
        operations: list[Any] = [("create", self.entity(rows, rows.key, value)), *self._copies(rows)]
        operations += _created(beside)
        _check(operations, MAX_UNITS)
        return Stored(value, await self._insertions.insert(rows.partition, operations))

    async def replace(
        self, former: Rows[T], etag: str, rows: Rows[T], value: T, beside: Mapping[str, Any] | None = None
    ) -> Stored[T]:
        """Raises ChangedError and TooLargeError.

        `beside`: a row of another kind that must not be there without the change.
        """
        operations: list[Any] = [
            ("update", self.entity(rows, rows.key, value), {**REPLACE, **_only_if(etag)}),
            *self._copies(rows),
            *(
                ("delete", {"PartitionKey": rows.partition, "RowKey": key})
                for key in sorted(former.copies - rows.copies)
            ),
        ]
        operations += _created(beside)
        _check(operations, MAX_UNITS)
        return Stored(value, (await self._submit(operations))[0])

    async def delete(self, rows: Rows[T], etag: str, beside: Mapping[str, Any] | None = None) -> None:
        """Raises ChangedError. `beside`: a row of another kind that is to be there from then on."""
        operations: list[Any] = [
            ("delete", {"PartitionKey": rows.partition, "RowKey": rows.key}, _only_if(etag)),
            *(("delete", {"PartitionKey": rows.partition, "RowKey": key}) for key in sorted(rows.copies)),
        ]
        if beside:
            operations.append(("upsert", beside, REPLACE))
        await self._submit(operations)

    async def read(self, partition: str, within: Range, page: int) -> AsyncIterator[tuple[str, T]]:
        """Keys and entities in the order of their keys, `page` at a time from the service."""
        terms, parameters = _expression(partition, within)
        found = self._client.query_entities(terms, parameters=parameters, results_per_page=min(page, 1000))
        async for entity in found:
            yield entity["RowKey"], self._load(entity)

    async def keys(self, partition: str, within: Range, column: str = "RowKey") -> AsyncIterator[tuple[str, str]]:
        """Keys and one column of each, a thousand at a time."""
        terms, parameters = _expression(partition, within)
        found = self._client.query_entities(terms, parameters=parameters, select=["RowKey", column])
        async for entity in found:
            yield entity["RowKey"], entity[column]

    async def count(self, partition: str, within: Range) -> int:
        return sum([1 async for _ in self.keys(partition, within)])

    async def first(self, partition: str, within: Range) -> T | None:
        """The first that can be read: one that cannot must not hold up those behind it."""
        terms, parameters = _expression(partition, within)
        async for entity in self._client.query_entities(terms, parameters=parameters, results_per_page=1):
            try:
                return self._load(entity)
            except ValidationError:
                log.exception("a row cannot be read", extra={"row": entity["RowKey"]})
        return None

    def entity(self, rows: Rows[T], key: str, value: T) -> dict[str, str]:
        document = self._document(value)
        return {
            "PartitionKey": rows.partition,
            "RowKey": key,
            **rows.columns,
            **{f"{COLUMN}{number}": chunk for number, chunk in enumerate(pieces(document, CHUNK))},
        }

    def _copies(self, rows: Rows[T]) -> list[Any]:
        copy = self.entity(rows, "", rows.listed)
        return [("upsert", {**copy, "RowKey": key}, REPLACE) for key in sorted(rows.copies)]

    def _document(self, value: T) -> str:
        return self._adapter.dump_json(value, by_alias=True).decode()

    def _load(self, entity: Mapping[str, Any]) -> T:
        chunks: list[str] = []
        while (chunk := entity.get(f"{COLUMN}{len(chunks)}")) is not None:
            chunks.append(chunk)
        return self._adapter.validate_json("".join(chunks))

    async def _submit(self, operations: Operations) -> list[str]:
        """An ETag for each operation, empty where there is none."""

        try:
            results = await self._client.submit_transaction(operations)
        except TableTransactionError as error:
            if error.status_code == 409:
                raise ExistsError from None
            if error.status_code in (404, 412) and not _is_whole_table(error):
                raise ChangedError from None
            raise
        return [str(result.get("etag", "")) for result in results]


def _created(beside: Mapping[str, Any] | None) -> list[Any]:
    return [("create", beside)] if beside else []


def _check(operations: Operations, most: int) -> None:
    """Raises TooLargeError when an entity has more than `most` units, or all are more than a transaction can hold."""
    payload = 0
    for _, entity, *_ in operations:
        size = sum(units(value) for value in entity.values())
        if size > most:
            raise TooLargeError(f"It has {size:,} characters in all, with what is added to it; at most {most:,} fit.")
        payload += OPERATION_BYTES + len(json.dumps(entity))  # as the SDK writes it
    if payload > MAX_PAYLOAD:
        raise TooLargeError(
            f"It takes {payload:,} bytes to be written, with what is added to it; at most {MAX_PAYLOAD:,} fit."
        )


def _expression(partition: str, within: Range) -> tuple[str, dict[str, str]]:
    """The filter, and the values of its parameters."""
    terms = "PartitionKey eq @partition and RowKey ge @low and RowKey lt @high"
    parameters = {"partition": partition, "low": within.low, "high": within.high}
    alternatives: list[str] = []
    for conditions in within.either:
        compared: list[str] = []
        for column, operator, value in conditions:
            compared.append(f"{column} {operator} @value{len(parameters)}")
            parameters[f"value{len(parameters)}"] = value
        alternatives.append(" and ".join(compared))
    if not all(alternatives) or not alternatives:
        return terms, parameters
    either = " or ".join(f"( {alternative} )" for alternative in alternatives)  # parameters must stand between spaces
    return f"{terms} and ( {either} )", parameters


def _is_whole_table(error: HttpResponseError) -> bool:
    """A table that is missing must not pass for entities that are: jobs would seem never to have been."""
    return getattr(error, "error_code", None) == "TableNotFound"


def _only_if(etag: str) -> dict[str, Any]:

    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
