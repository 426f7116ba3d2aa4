"""Transforms' records, stored or declared by the deployment.

A declared transform is written at its first use and after each change of its declaration, as a deployment through
Azure Resource Manager does. In between it can be changed and deleted like any other.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter

from mediaservice.model.query import Query
from mediaservice.model.transforms import Transform, TransformProperties
from mediaservice.store.errors import ChangedError, ExistsError, NewerSchemaError
from mediaservice.store.tables import keys
from mediaservice.store.tables.listing import Page, list_page
from mediaservice.store.tables.shared_read import SharedRead
from mediaservice.store.tables.table import EntityTable, Range, Rows, Stored

PARTITION = "transforms"
COLUMNS = {"name": "Name", "properties/created": "Created", "properties/lastModified": "LastModified"}
MAX_TRANSFORMS = 100  # one page
DELETED = Range("d|", f"d{keys.END}")
log = logging.getLogger(__name__)


class Transforms:
    def __init__(self, client: TableClient, declared: Mapping[str, TransformProperties]) -> None:
        self._client = client
        self._table = EntityTable(client, TypeAdapter(Transform))
        self._reads = SharedRead(self._read)  # each submission reads one, and nearly all read the same
        self._undeclared = dict(declared)
        self._declaring = asyncio.Lock()

    async def get(self, name: str) -> Stored[Transform] | None:
        await self._declare()
        return await self._reads.get(keys.by_name(name))

    async def insert(self, transform: Transform) -> Stored[Transform]:
        """Insert the record. Raises ExistsError and TooLargeError."""
        self._table.check(_rows(transform), transform)
        return await self._table.insert(_rows(transform), transform)

    async def replace(self, former: Stored[Transform], transform: Transform) -> Stored[Transform]:
        """Replace the record. Raises ChangedError, NewerSchemaError and TooLargeError."""
        self._table.check(_rows(transform), transform)
        return await self._table.replace(_rows(former.value), former, _rows(transform), transform)

    async def delete(self, transform: Stored[Transform], *, announced: bool) -> None:
        """Delete a transform. Where events announce jobs, it stays known until all are sent.

        Raises ChangedError and NewerSchemaError.
        """
        gone = self._table.entity(_gone(transform.value), keys.deleted(transform.value.name), transform.value)
        await self._table.delete(_rows(transform.value), transform, gone if announced else None)

    async def deleted(self) -> list[str]:
        """Return deleted transforms with jobs' events that may not be published."""
        return [transform.name async for _, transform in self._table.read(PARTITION, DELETED, MAX_TRANSFORMS)]

    async def forget(self, name: str) -> None:
        """Forget a deleted transform."""
        await self._client.delete_entity(PARTITION, keys.deleted(name))

    async def page(self, query: Query) -> Page[Transform]:
        await self._declare()
        return await list_page(self._table, PARTITION, query, COLUMNS)

    async def names(self) -> list[str]:
        """Return the names of all transforms, at most MAX_TRANSFORMS."""
        return [transform.name for transform in (await self.page(Query())).values]

    async def _read(self, key: str) -> Stored[Transform] | None:
        return await self._table.get(PARTITION, key)

    async def _declare(self) -> None:
        async with self._declaring:
            for name, properties in list(self._undeclared.items()):
                await self._write_declared(name, properties)
                del self._undeclared[name]

    async def _write_declared(self, name: str, properties: TransformProperties) -> None:
        digest = hashlib.sha256(properties.model_dump_json(by_alias=True).encode()).hexdigest()
        now = datetime.now(UTC)
        found = await self._table.get(PARTITION, keys.by_name(name))
        try:
            if not found:
                await self.insert(Transform(name, now, now, properties, declaration=digest))
            elif found.value.declaration != digest:
                changed = replace(found.value, last_modified=now, properties=properties, declaration=digest)
                await self.replace(found, changed)
        except (ExistsError, ChangedError):
            pass  # another instance of the service has just written the same
        except NewerSchemaError:
            log.warning("a transform of a newer version is left as it is", extra={"transform": name})


def _rows(transform: Transform) -> Rows[Transform]:
    return Rows(
        partition=PARTITION,
        key=keys.by_name(transform.name),
        copies=frozenset(
            {
                keys.newest_first("c", transform.created, transform.name),
                keys.oldest_first("o", transform.created, transform.name),
            }
        ),
        columns={
            "Name": keys.of_name(transform.name),
            "Created": keys.straight(transform.created),
            "LastModified": keys.straight(transform.last_modified),
        },
        listed=transform,
    )


def _gone(transform: Transform) -> Rows[Transform]:
    return Rows(PARTITION, keys.deleted(transform.name), frozenset(), {}, transform)
