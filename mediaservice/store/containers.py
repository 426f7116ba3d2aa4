"""Assets' blob containers: private, with complete files only, open to clients by user delegation SAS."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    BlobBlock,
    ContainerSasPermissions,
    ContentSettings,
    UserDelegationKey,
    generate_container_sas,
)
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from mediaservice.settings import Account
from mediaservice.store.errors import BeingDeletedError, NotThereError, OverwrittenError

BLOCK_BYTES = 4 * 1024 * 1024  # 50,000 of them make 195 GiB
CLOCK_SKEW = timedelta(minutes=5)
KEY_LIFETIME = timedelta(days=2)  # at most 7 days by Azure's rule

MADE_BY = "mediaAccount"  # metadata: the account whose asset the container is for
DELETION_WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds; Storage deletes a container within about half a minute


@dataclass(frozen=True)
class Blob:
    etag: str
    metadata: Mapping[str, str]


class Containers:
    def __init__(self, client: BlobServiceClient, account: Account) -> None:
        self._client = client
        self._account = account.name
        self._storage_name = account.storage_name
        self._key: UserDelegationKey | None = None
        self._key_expiry = datetime.min.replace(tzinfo=UTC)
        self._key_lock = asyncio.Lock()

    async def create(self, container: str) -> bool:
        """Create a container, after a deletion in progress. Return False if it exists. Raises BeingDeletedError."""
        for seconds in (*DELETION_WAITS, None):
            try:
                await self._client.create_container(container, metadata={MADE_BY: self._account})
            except ResourceExistsError as error:
                if getattr(error, "error_code", None) != "ContainerBeingDeleted":
                    return False
                if seconds is None:
                    raise BeingDeletedError from None
                await asyncio.sleep(seconds)
            else:
                return True
        raise AssertionError("the last try returns or raises")

    async def adopt(self, container: str) -> bool:
        """Return True if an existing container may become an asset's: this account has created it, or it is empty."""
        client = self._client.get_container_client(container)
        try:
            found = await client.get_container_properties()
            if _made_by(found.metadata) == self._account:
                return True
            if await self.files(container, 1):
                return False
            await client.set_container_metadata({**(found.metadata or {}), MADE_BY: self._account})
        except (ResourceNotFoundError, NotThereError):
            return False
        return True

    async def made_between(self, earliest: datetime, latest: datetime) -> AsyncIterator[str]:
        """Yield the containers that this account has created, by the time of their last change."""
        async for found in self._client.list_containers(include_metadata=True):
            if _made_by(found.metadata) == self._account and earliest <= found.last_modified < latest:
                yield str(found.name)

    async def delete(self, container: str) -> None:

        with contextlib.suppress(ResourceNotFoundError):
            await self._client.delete_container(container)

    async def answer(self) -> None:
        """Make one small request, which fails if the account cannot be reached or accessed."""
        async for _ in self._client.list_containers(results_per_page=1):
            break

    async def files(self, container: str, limit: int) -> list[str]:
        """Return the names of up to `limit` blobs. Raises NotThereError."""
        names: list[str] = []
        try:
            async for name in self._client.get_container_client(container).list_blob_names():
                names.append(name)
                if len(names) == limit:
                    break
        except ResourceNotFoundError:
            raise NotThereError from None
        return names

    async def read(self, container: str, name: str) -> AsyncIterator[bytes]:
        """Read the blob. Raises NotThereError."""
        try:
            download = await self._blob(container, name).download_blob(max_concurrency=2)
            async for chunk in download.chunks():
                yield chunk
        except ResourceNotFoundError:
            raise NotThereError from None

    async def size(self, container: str, name: str) -> int:
        """Return a blob's size in bytes. Raises NotThereError."""
        try:
            return int((await self._blob(container, name).get_blob_properties()).size)
        except ResourceNotFoundError:
            raise NotThereError from None

    async def properties(self, container: str, name: str) -> Blob | None:

        try:
            found = await self._blob(container, name).get_blob_properties()
        except ResourceNotFoundError:
            return None
        return Blob(str(found.etag), dict(found.metadata or {}))

    async def stage(self, container: str, name: str, file: BinaryIO) -> list[str]:
        """Upload `file` as uncommitted blocks, which no client can see. Return their ids. Raises NotThereError."""
        blob = self._blob(container, name)
        attempt = uuid.uuid4().hex
        blocks: list[str] = []
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            blocks.append(f"{attempt}{len(blocks):08d}")
            try:
                await blob.stage_block(blocks[-1], block, length=len(block))
            except ResourceNotFoundError:
                raise NotThereError from None
        return blocks

    async def commit(
        self,
        container: str,
        name: str,
        blocks: list[str],
        metadata: Mapping[str, str],
        former: Blob | None,
        content_type: str = "video/mp4",
    ) -> None:
        """Replace the blob with the staged blocks at once, if it still is `former`.

        Raises OverwrittenError, also if another commit has discarded the blocks.
        """
        try:
            condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
            if former:
                condition = {"match_condition": MatchConditions.IfNotModified, "etag": former.etag}
            await self._blob(container, name).commit_block_list(
                [BlobBlock(block) for block in blocks],
                metadata=dict(metadata),
                content_settings=ContentSettings(content_type=content_type),
                **condition,
            )
        except HttpResponseError as error:
            if error.status_code in (409, 412) or getattr(error, "error_code", None) == "InvalidBlockList":
                raise OverwrittenError from None
            raise

    async def fence(self, container: str, name: str, former: Blob | None) -> None:
        """Ensure that the blocks staged so far can never be committed. Raises OverwrittenError."""
        if former:  # writing the same metadata makes a new ETag, which fails the other commit's condition
            await self._touch(container, name, former)
        else:
            await self.commit(container, name, [], {}, None)
            await self.remove(container, name)

    async def _touch(self, container: str, name: str, former: Blob) -> None:
        try:
            await self._blob(container, name).set_blob_metadata(
                dict(former.metadata), etag=former.etag, match_condition=MatchConditions.IfNotModified
            )
        except HttpResponseError as error:
            if error.status_code in (404, 412):
                raise OverwrittenError from None
            raise

    async def remove(self, container: str, name: str) -> None:

        with contextlib.suppress(ResourceNotFoundError):
            await self._blob(container, name).delete_blob()

    async def sas_urls(self, container: str, permissions: str, expiry: datetime) -> list[str]:
        """Return two addresses, since Media Services returned one per key of its storage account."""
        url, key = self._client.get_container_client(container).url, await self._delegation_key(expiry)
        return [
            f"{url}?"
            + generate_container_sas(
                self._storage_name,
                container,
                user_delegation_key=key,
                permission=ContainerSasPermissions.from_string(permissions),
                start=start,
                expiry=expiry,
                protocol="https",
            )
            for start in (None, datetime.now(UTC) - CLOCK_SKEW)
        ]

    async def _delegation_key(self, needed_until: datetime) -> UserDelegationKey:
        async with self._key_lock:
            if self._key is None or self._key_expiry < needed_until:
                now = datetime.now(UTC)
                self._key_expiry = now + KEY_LIFETIME
                self._key = await self._client.get_user_delegation_key(now - CLOCK_SKEW, self._key_expiry)
            return self._key

    def _blob(self, container: str, name: str) -> BlobClient:
        return self._client.get_blob_client(container, name)


def _made_by(metadata: Mapping[str, str] | None) -> str | None:
    # metadata names are header names, whose case some proxies change
    return next((value for name, value in (metadata or {}).items() if name.lower() == MADE_BY.lower()), None)
