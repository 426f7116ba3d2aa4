"""Assets: records and their containers."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from mediaservice.api.contract import render
from mediaservice.api.contract.bodies import AssetBody, AssetProperties, ContainerPermission, ContainerSasBody
from mediaservice.api.contract.document import GONE, MADE
from mediaservice.api.contract.paging import collection, query_of
from mediaservice.api.contract.problems import Problem, bad_request, not_found
from mediaservice.api.contract.scope import ACCOUNT, AssetName, Caller, InAccount, StoreHere
from mediaservice.api.middleware.auth import CLOCK_SKEW_SECONDS
from mediaservice.model import authorship
from mediaservice.model.assets import Asset
from mediaservice.model.authorship import Author
from mediaservice.model.query import ASSETS
from mediaservice.names import CONTAINER
from mediaservice.settings import Account
from mediaservice.store.errors import BeingDeletedError, ChangedError, ExistsError, NewerSchemaError, TakenError

if TYPE_CHECKING:
    from mediaservice.store.account import Store

router = APIRouter(prefix=ACCOUNT + "/assets", tags=["assets"])
MAX_SAS = timedelta(hours=24)  # Assets - List Container Sas, REST reference
LETTERS = {
    ContainerPermission.READ: "rl",
    ContainerPermission.READ_WRITE: "racwl",
    ContainerPermission.READ_WRITE_DELETE: "racwdl",
}


@router.get("")
async def list_assets(request: Request, account: InAccount, store: StoreHere) -> dict[str, Any]:
    query = query_of(request, ASSETS, top=True)
    page = await store.assets.page(query)
    return collection(request, query, page, lambda asset: render.asset(account, asset))


@router.get("/{asset}")
async def get(account: InAccount, name: AssetName, store: StoreHere) -> dict[str, Any]:
    found = await store.assets.get(name)
    if not found:
        raise not_found("Asset", name)
    return render.asset(account, found.value)


@router.put("/{asset}", responses=MADE)
async def create_or_update(
    account: InAccount, name: AssetName, body: AssetBody, response: Response, store: StoreHere, caller: Caller
) -> dict[str, Any]:
    given = body.properties
    _check(account, given)
    if not await store.assets.get(name):
        now = datetime.now(UTC)
        asset_id = str(uuid.uuid4())
        asset = Asset(
            name=name,
            asset_id=asset_id,
            container=given.container or f"asset-{asset_id}",
            created=now,
            last_modified=now,
            alternate_id=given.alternate_id,
            description=given.description,
            authorship=authorship.created(caller, now),
        )
        made = await _container(store, asset.container, given=given.container is not None)
        try:
            await store.assets.insert(asset)
        except TakenError:
            raise _taken(asset.container) from None
        except ExistsError:
            winner = await store.assets.get(name)
            # A retry within the SDK may find the result of its first try.
            own = winner is not None and winner.value.asset_id == asset.asset_id
            if made and (winner is None or winner.value.container != asset.container):
                await store.containers.delete(asset.container)
        else:
            own = True
        if own:
            response.status_code = 201
            return render.asset(account, asset)
        # a concurrent request was faster, so this one becomes an update
    return await _update(store, account, name, given, caller, whole=True)


@router.patch("/{asset}")
async def update(
    account: InAccount, name: AssetName, body: AssetBody, store: StoreHere, caller: Caller
) -> dict[str, Any]:
    _check(account, body.properties)
    return await _update(store, account, name, body.properties, caller, whole=False)


@router.delete("/{asset}", responses=GONE, response_class=Response)
async def delete(name: AssetName, store: StoreHere) -> Response:
    found = await store.assets.get(name)
    if not found:
        return Response(status_code=204)
    if found.newer:
        raise NewerSchemaError
    await store.containers.delete(found.value.container)
    try:
        await store.assets.delete(found)
    except ChangedError:
        raise Problem(409, "Conflict", f"The Asset '{name}' was changed meanwhile; try again.") from None
    return Response(status_code=200)


@router.post("/{asset}/listContainerSas")
async def list_container_sas(name: AssetName, body: ContainerSasBody, store: StoreHere) -> dict[str, Any]:
    found = await store.assets.get(name)
    if not found:
        raise not_found("Asset", name)
    now = datetime.now(UTC)
    expiry = body.expiry_time or now + timedelta(hours=1)
    expiry = expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)
    if not now < expiry <= now + MAX_SAS + timedelta(seconds=CLOCK_SKEW_SECONDS):
        raise bad_request(f"expiryTime is {expiry.isoformat()}; it must be within 24 hours from now.")
    urls = await store.containers.sas_urls(found.value.container, LETTERS[body.permissions], expiry)
    return {"assetContainerSasUrls": urls}


@router.post("/{asset}/listStreamingLocators")
async def list_streaming_locators(name: AssetName, store: StoreHere) -> dict[str, Any]:
    if not await store.assets.get(name):
        raise not_found("Asset", name)
    return {"streamingLocators": []}


async def _container(store: "Store", container: str, *, given: bool) -> bool:
    """Create the container or adopt an existing one. Return True if it was created."""
    try:
        made = await store.containers.create(container)
    except BeingDeletedError:
        raise Problem(409, "Conflict", f"The container {container!r} is being deleted; try again.") from None
    if given and not made:
        if await store.assets.owner(container):
            raise _taken(container)
        if not await store.containers.adopt(container):
            raise bad_request(
                f"properties.container is {container!r}, which holds files and was not made by this account."
            )
    return made


def _taken(container: str) -> Problem:
    return bad_request(f"properties.container is {container!r}, which another Asset has already.")


def _check(account: Account, given: AssetProperties) -> None:
    if given.container is not None and not CONTAINER.fullmatch(given.container):
        raise bad_request(f"properties.container is {given.container!r}, which no blob container can be called.")
    if given.container in account.reserved_containers:
        raise bad_request(f"properties.container is {given.container!r}, which is not for Assets.")
    if given.storage_account_name not in (None, account.storage_name):
        raise bad_request(
            f"properties.storageAccountName is {given.storage_account_name!r}; "
            f"this account has {account.storage_name!r} only."
        )


async def _update(
    store: "Store", account: Account, name: str, given: AssetProperties, caller: Author, *, whole: bool
) -> dict[str, Any]:
    """Update the asset: PUT replaces all properties (`whole`), PATCH the given ones. The container stays."""
    found = await store.assets.get(name)
    if not found:
        raise not_found("Asset", name)
    asset = found.value
    if given.container not in (None, asset.container):
        raise bad_request(f"The container of the Asset '{name}' is {asset.container!r} and cannot be changed.")
    now = datetime.now(UTC)
    changed = replace(
        asset,
        last_modified=now,
        authorship=authorship.modified(asset.authorship, caller, now),
        alternate_id=given.alternate_id if whole or given.alternate_id is not None else asset.alternate_id,
        description=given.description if whole or given.description is not None else asset.description,
    )
    try:
        await store.assets.replace(found, changed)
    except ChangedError:
        raise Problem(409, "Conflict", f"The Asset '{name}' was changed meanwhile; try again.") from None
    return render.asset(account, changed)
