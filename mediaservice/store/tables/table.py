"""Entities of one type in one table, each stored under its name and under each key that lists use.

All rows of an entity share a partition and are written in one transaction. Each list is therefore exact and can be
read in its own order, one page at a time. The row under the name is the entity itself: its ETag is the entity's, and
only this row holds values that lists must not show.
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

from mediaservice.store.errors import ChangedError, ExistsError, NewerSchemaError, TooLargeError
from mediaservice.store.tables import schema
from mediaservice.store.tables.insert_batching import InsertBatching, Operations
from mediaservice.utf16 import pieces, units

CHUNK = 30_000  # UTF-16 units; a property holds 32 Ki
COLUMN = "Document"
# UTF-16 units; an entity has 512 Ki, with the names of properties. Clients' values leave room for later additions.
MAX_UNITS, MAX_GIVEN = 500_000, 450_000
MAX_PAYLOAD, OPERATION_BYTES = 4_000_000, 1500  # of a transaction, which has 4 MiB; besides an operation's entity
REPLACE = {"mode": "replace"}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored[T]:
    value: T
    etag: str
    newer: bool = False  # written by a newer schema, so not to be changed here


@dataclass(frozen=True)
class Rows[T]:
    """The layout of an entity. `columns` can be filtered by; the copies hold `listed`."""

    partition: str
    key: str
    copies: frozenset[str]
    columns: Mapping[str, str]
    listed: T


@dataclass(frozen=True)
class Range:
    """Keys from `low` (inclusive) to `high` (exclusive) whose columns satisfy all of at least one of `either`."""

    low: str
    high: str
    either: tuple[tuple[tuple[str, str, str], ...], ...] = ()  # column, operator, value; none: any value


class EntityTable[T]:
    def __init__(self, client: TableClient, adapter: TypeAdapter[T]) -> None:
        self._client = client
        self._adapter = adapter
        self._insertions = InsertBatching(self._submit)

    async def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return the entity. Raises NewerSchemaError if only a newer version can read it."""
        try:
            entity = await self._client.get_entity(partition, key)
        except ResourceNotFoundError as error:
            if _is_whole_table(error):
                raise
            return None
        return Stored(self._load(entity), str(entity.metadata["etag"]), schema.is_newer(entity))

    def check(self, rows: Rows[T], value: T, beside: Mapping[str, Any] | None = None) -> None:
        """Raise TooLargeError if a client's values leave too little room for later additions."""
        _check([("create", self.entity(rows, rows.key, value)), *self._copies(rows), *_created(beside)], MAX_GIVEN)

    async def insert(self, rows: Rows[T], value: T, beside: Mapping[str, Any] | None = None) -> Stored[T]:
        """Insert an entity, and `beside`, a new row of another kind. Raises ExistsError and TooLargeError."""
        operations: list[Any] = [("create", self.entity(rows, rows.key, value)), *self._copies(rows)]
        operations += _created(beside)
        _check(operations, MAX_UNITS)
        return Stored(value, await self._insertions.insert(rows.partition, operations))

    async def replace(
        self, former: Rows[T], stored: Stored[T], rows: Rows[T], value: T, beside: Mapping[str, Any] | None = None
    ) -> Stored[T]:
        """Replace an entity. Raises ChangedError, NewerSchemaError and TooLargeError.

        `beside` is a row of another kind that must not exist without the change.
        """
        _refuse_newer(stored)
        operations: list[Any] = [
            ("update", self.entity(rows, rows.key, value), {**REPLACE, **_only_if(stored.etag)}),
            *self._copies(rows),
            *(
                ("delete", {"PartitionKey": rows.partition, "RowKey": key})
                for key in sorted(former.copies - rows.copies)
            ),
        ]
        operations += _created(beside)
        _check(operations, MAX_UNITS)
        return Stored(value, (await self._submit(operations))[0])

    async def delete(self, rows: Rows[T], stored: Stored[T], beside: Mapping[str, Any] | None = None) -> None:
        """Delete an entity, and write `beside`, a row of another kind. Raises ChangedError and NewerSchemaError."""
        _refuse_newer(stored)
        operations: list[Any] = [
            ("delete", {"PartitionKey": rows.partition, "RowKey": rows.key}, _only_if(stored.etag)),
            *(("delete", {"PartitionKey": rows.partition, "RowKey": key}) for key in sorted(rows.copies)),
        ]
        if beside:
            operations.append(("upsert", beside, REPLACE))
        await self._submit(operations)

    async def read(
        self, partition: str, within: Range, page: int, *, own: bool = False, strict: bool = False
    ) -> AsyncIterator[tuple[str, T]]:
        """Yield keys and entities in the order of their keys, requested `page` at a time.

        Entities that only a newer version can read are left out, or if `strict` raise NewerSchemaError. With `own`, all
        that a newer version has written are left out, and raise it after the others.
        """
        terms, parameters = _expression(partition, within)
        found = self._client.query_entities(terms, parameters=parameters, results_per_page=min(page, 1000))
        newer = False
        async for entity in found:
            if own and schema.is_newer(entity):
                newer = True
                continue
            try:
                value = self._load(entity)
            except NewerSchemaError:
                if strict:
                    raise
                log.warning("a newer version's row is left out", extra={"row": entity["RowKey"]})
                continue
            yield entity["RowKey"], value
        if newer:
            raise NewerSchemaError

    async def keys(self, partition: str, within: Range, column: str = "RowKey") -> AsyncIterator[tuple[str, str]]:
        """Yield keys with one column each, requested a thousand at a time."""
        terms, parameters = _expression(partition, within)
        found = self._client.query_entities(terms, parameters=parameters, select=["RowKey", column])
        async for entity in found:
            yield entity["RowKey"], entity[column]

    async def count(self, partition: str, within: Range) -> int:
        return sum([1 async for _ in self.keys(partition, within)])

    async def first(self, partition: str, within: Range, *, own: bool = False) -> T | None:
        """Return the first readable entity. An unreadable one must not block those behind it.

        With `own`, only one that no newer version has written. Raises NewerSchemaError if there are only others.
        """
        terms, parameters = _expression(partition, within)
        newer = False
        async for entity in self._client.query_entities(terms, parameters=parameters, results_per_page=1):
            if own and schema.is_newer(entity):
                newer = True
                continue
            try:
                return self._load(entity)
            except (ValidationError, NewerSchemaError):
                log.exception("a row cannot be read", extra={"row": entity["RowKey"]})
        if newer:
            raise NewerSchemaError
        return None

    def entity(self, rows: Rows[T], key: str, value: T) -> dict[str, str | int]:
        document = self._document(value)
        return {
            "PartitionKey": rows.partition,
            "RowKey": key,
            **schema.columns(),
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
        try:
            return self._adapter.validate_json("".join(chunks))
        except ValidationError:
            if schema.is_newer(entity):
                raise NewerSchemaError from None
            raise

    async def _submit(self, operations: Operations) -> list[str]:
        """Submit a transaction. Return an ETag for each operation, empty if it has none."""

        try:
            results = await self._client.submit_transaction(operations)
        except TableTransactionError as error:
            if error.status_code == 409:
                raise ExistsError from None
            if error.status_code in (404, 412) and not _is_whole_table(error):
                raise ChangedError from None
            raise
        return [str(result.get("etag", "")) for result in results]


def _refuse_newer[T](stored: Stored[T]) -> None:
    if stored.newer:
        raise NewerSchemaError


def _created(beside: Mapping[str, Any] | None) -> list[Any]:
    return [("create", beside)] if beside else []


def _check(operations: Operations, most: int) -> None:
    """Raise TooLargeError if an entity has more than `most` units, or if all exceed a transaction."""
    payload = 0
    for _, entity, *_ in operations:
        size = sum(units(str(value)) for value in entity.values())
        if size > most:
            raise TooLargeError(f"It has {size:,} characters in all, with what is added to it; at most {most:,} fit.")
        payload += OPERATION_BYTES + len(json.dumps(entity))  # in the SDK's form
    if payload > MAX_PAYLOAD:
        raise TooLargeError(
            f"It takes {payload:,} bytes to be written, with what is added to it; at most {MAX_PAYLOAD:,} fit."
        )


def _expression(partition: str, within: Range) -> tuple[str, dict[str, str]]:
    """Return the filter and the values of its parameters."""
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
    either = " or ".join(f"( {alternative} )" for alternative in alternatives)  # between spaces, as the SDK requires
    return f"{terms} and ( {either} )", parameters


def _is_whole_table(error: HttpResponseError) -> bool:
    """Return True if the table itself is missing, which must not look like missing entities."""
    return getattr(error, "error_code", None) == "TableNotFound"


def _only_if(etag: str) -> dict[str, Any]:

    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
