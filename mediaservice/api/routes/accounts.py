"""The account, which is read-only: the deployment creates it."""

from typing import Any

from fastapi import APIRouter

from mediaservice.api.contract import render
from mediaservice.api.contract.scope import ACCOUNT, ACCOUNTS, GROUP, SUBSCRIPTION, InAccount

router = APIRouter(tags=["accounts"])


@router.get(ACCOUNT)
async def get(account: InAccount) -> dict[str, Any]:
    return render.account(account)


@router.get(GROUP + ACCOUNTS)
async def list_in_group(account: InAccount) -> dict[str, Any]:
    return {"value": [render.account(account)]}


@router.get(SUBSCRIPTION + ACCOUNTS)
async def list_in_subscription(account: InAccount) -> dict[str, Any]:
    return {"value": [render.account(account)]}
