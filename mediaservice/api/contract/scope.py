"""The target of a request: api-version, subscription, resource group and account, and the account's store.

All dependencies are coroutines, since FastAPI calls others in a pool of threads, at a cost for each.
"""

import asyncio
import re
from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Query, Request

from mediaservice.api.contract.problems import Problem, bad_request
from mediaservice.model.authorship import Author
from mediaservice.names import name_problem
from mediaservice.settings import Account

if TYPE_CHECKING:
    from mediaservice.store.account import Store

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = SUBSCRIPTION + "/resourceGroups/{group}"
ACCOUNTS = "/providers/Microsoft.Media/mediaServices"
ACCOUNT = GROUP + ACCOUNTS + "/{account}"
OLDEST, NEWEST = date(2018, 7, 1), date(2023, 1, 1)
API_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(-preview)?")


async def api_version(
    version: Annotated[
        str | None,
        Query(alias="api-version", description=f"From {OLDEST} to {NEWEST}.", examples=["2022-07-01"]),
    ] = None,
) -> None:
    if not version:
        raise Problem(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    match = API_VERSION.fullmatch(version)
    try:
        known = bool(match) and OLDEST <= date.fromisoformat(match[1] if match else "") <= NEWEST
    except ValueError:
        known = False
    if not known:
        raise Problem(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. Versions from {OLDEST} to {NEWEST} are supported.",
        )


async def known_account(request: Request) -> Account:
    account: Account = request.app.state.settings.account
    wanted = request.path_params
    if wanted["subscription"].lower() != account.subscription_id.lower():
        raise Problem(404, "SubscriptionNotFound", f"The subscription '{wanted['subscription']}' could not be found.")
    if "group" in wanted and wanted["group"].lower() != account.resource_group.lower():
        raise Problem(404, "ResourceGroupNotFound", f"Resource group '{wanted['group']}' could not be found.")
    if "account" in wanted and wanted["account"].lower() != account.name.lower():
        raise Problem(
            404,
            "ResourceNotFound",
            f"The Resource 'Microsoft.Media/mediaservices/{wanted['account']}' under resource group "
            f"'{wanted['group']}' was not found.",
        )
    return account


async def opened_store(request: Request) -> "Store":
    opening: asyncio.Future[Store] = request.app.state.store
    return await asyncio.shield(opening)


async def caller(request: Request) -> Author:
    author: Author = request.state.author
    return author


def _checked(name: str) -> str:
    if problem := name_problem(name):
        raise bad_request(problem[0].upper() + problem[1:] + ".")
    return name


async def asset_name(asset: Annotated[str, Path()]) -> str:
    return _checked(asset)


async def transform_name(transform: Annotated[str, Path()]) -> str:
    return _checked(transform)


async def job_name(job: Annotated[str, Path()]) -> str:
    return _checked(job)


if TYPE_CHECKING:
    StoreHere = Store
else:  # the store's module is not yet loaded when routes are declared
    StoreHere = Annotated[object, Depends(opened_store)]
Caller = Annotated[Author, Depends(caller)]
InAccount = Annotated[Account, Depends(known_account)]
AssetName = Annotated[str, Depends(asset_name)]
TransformName = Annotated[str, Depends(transform_name)]
JobName = Annotated[str, Depends(job_name)]
