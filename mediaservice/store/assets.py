"""Assets' records. Their media is in store.containers."""

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter

from mediaservice.model.assets import Asset
from mediaservice.model.query import Query
from mediaservice.store.errors import ExistsError, TakenError
from mediaservice.store.tables import keys
from mediaservice.store.tables.listing import Index, Page, list_page
from mediaservice.store.tables.table import EntityTable, Rows, Stored

PARTITION = "assets"
COLUMNS = {
    "name": "Name",
    "properties/created": "Created",
    "properties/assetId": "AssetId",
    "properties/alternateId": "AlternateId",
}


class Assets:
    def __init__(self, client: TableClient) -> None:
        self._client = client
        self._table = EntityTable(client, TypeAdapter(Asset))

    async def get(self, name: str) -> Stored[Asset] | None:
        return await self._table.get(PARTITION, keys.by_name(name))

    async def insert(self, asset: Asset) -> Stored[Asset]:
        """Insert a record. Raises ExistsError, and TakenError if another asset has the container."""
        claim = {"PartitionKey": PARTITION, "RowKey": keys.of_container(asset.container), "Asset": asset.name}
        for _ in range(2):
            try:
                return await self._table.insert(_rows(asset), asset, claim)
            except ExistsError:
                if await self.get(asset.name):
                    raise
                if await self.owner(asset.container):
                    raise TakenError from None
                await self._release_container(asset.container)  # left by a crash during an asset's deletion
        raise ExistsError

    async def owner(self, container: str) -> Stored[Asset] | None:
        """Return the asset that has the container."""
        try:
            claim = await self._client.get_entity(PARTITION, keys.of_container(container))
        except ResourceNotFoundError:
            return None
        asset = await self.get(claim["Asset"])
        return asset if asset and asset.value.container == container else None

    async def _release_container(self, container: str) -> None:
        await self._client.delete_entity(PARTITION, keys.of_container(container))

    async def replace(self, former: Stored[Asset], asset: Asset) -> Stored[Asset]:
        """Replace the record. Raises ChangedError and NewerSchemaError."""
        return await self._table.replace(_rows(former.value), former, _rows(asset), asset)

    async def delete(self, asset: Stored[Asset]) -> None:
        """Delete the record. Raises ChangedError and NewerSchemaError."""
        await self._table.delete(_rows(asset.value), asset)
        await self._release_container(asset.value.container)

    async def page(self, query: Query) -> Page[Asset]:
        indexes = (
            Index("properties/assetId", lambda value: keys.value_prefix("i", value.lower())),
            Index("properties/alternateId", lambda value: keys.value_prefix("a", value)),
        )
        return await list_page(self._table, PARTITION, query, COLUMNS, indexes)


def _rows(asset: Asset) -> Rows[Asset]:
    copies = {
        keys.newest_first("c", asset.created, asset.name),
        keys.oldest_first("o", asset.created, asset.name),
        keys.by_value("i", asset.asset_id, asset.name),
    }
    columns = {"Name": keys.of_name(asset.name), "Created": keys.straight(asset.created), "AssetId": asset.asset_id}
    if asset.alternate_id is not None:
        copies.add(keys.by_value("a", asset.alternate_id, asset.name))
        columns["AlternateId"] = asset.alternate_id
    return Rows(PARTITION, keys.by_name(asset.name), frozenset(copies), columns, asset)
