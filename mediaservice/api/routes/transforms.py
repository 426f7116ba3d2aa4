"""Transforms."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from mediaservice.api.contract import render
from mediaservice.api.contract.bodies import TransformBody, TransformPatch
from mediaservice.api.contract.document import GONE, MADE
from mediaservice.api.contract.paging import collection, query_of
from mediaservice.api.contract.problems import Problem, bad_request, not_found
from mediaservice.api.contract.scope import ACCOUNT, Caller, InAccount, StoreHere, TransformName
from mediaservice.model import authorship
from mediaservice.model.query import TRANSFORMS
from mediaservice.model.transforms import Transform, TransformProperties, parse_transform
from mediaservice.model.validation import problem
from mediaservice.store.errors import ChangedError, ExistsError, NewerSchemaError

router = APIRouter(prefix=ACCOUNT + "/transforms", tags=["transforms"])
MAX_TRANSFORMS = 100  # the limit of Media Services


@router.get("")
async def list_transforms(request: Request, account: InAccount, store: StoreHere) -> dict[str, Any]:
    query = query_of(request, TRANSFORMS)
    page = await store.transforms.page(query)
    return collection(request, query, page, lambda transform: render.transform(account, transform))


@router.get("/{transform}")
async def get(account: InAccount, name: TransformName, store: StoreHere) -> dict[str, Any]:
    found = await store.transforms.get(name)
    if not found:
        raise not_found("Transform", name)
    return render.transform(account, found.value)


@router.put("/{transform}", responses=MADE)
async def create_or_update(
    account: InAccount, name: TransformName, body: TransformBody, response: Response, store: StoreHere, caller: Caller
) -> dict[str, Any]:
    properties = _parse(body.properties)
    now = datetime.now(UTC)
    found = await store.transforms.get(name)
    try:
        if found:
            authors = authorship.modified(found.value.authorship, caller, now)
            changed = replace(found.value, last_modified=now, properties=properties, authorship=authors)
            await store.transforms.replace(found, changed)
            return render.transform(account, changed)
        if len(await store.transforms.names()) >= MAX_TRANSFORMS:
            raise bad_request(f"The account has {MAX_TRANSFORMS} Transforms already; more are not allowed.")
        transform = Transform(name, now, now, properties, authorship=authorship.created(caller, now))
        await store.transforms.insert(transform)
    except (ExistsError, ChangedError):
        raise _conflict(name) from None
    response.status_code = 201
    return render.transform(account, transform)


@router.patch("/{transform}")
async def update(
    account: InAccount, name: TransformName, body: TransformBody, store: StoreHere, caller: Caller
) -> dict[str, Any]:
    try:
        patch = TransformPatch.model_validate(body.properties)
    except ValidationError as error:
        raise bad_request(f"properties.{problem(error)}") from None
    found = await store.transforms.get(name)
    if not found:
        raise not_found("Transform", name)
    former: TransformProperties = found.value.properties
    properties = TransformProperties(
        description=former.description if patch.description is None else patch.description,
        outputs=patch.outputs or former.outputs,
    )
    now = datetime.now(UTC)
    authors = authorship.modified(found.value.authorship, caller, now)
    changed = replace(found.value, last_modified=now, properties=properties, authorship=authors)
    try:
        await store.transforms.replace(found, changed)
    except ChangedError:
        raise _conflict(name) from None
    return render.transform(account, changed)


@router.delete("/{transform}", responses=GONE, response_class=Response)
async def delete(name: TransformName, store: StoreHere) -> Response:
    """Delete a transform with its jobs' records. With unfinished jobs, it is refused."""
    found = await store.transforms.get(name)
    if not found:
        return Response(status_code=204)
    if found.newer:
        raise NewerSchemaError
    async for job in store.jobs.unfinished(name):
        raise bad_request(f"The Transform '{name}' has unfinished Jobs, such as '{job.name}'; cancel them first.")
    async for job in store.jobs.all(name):
        stored = await store.jobs.get(name, job.name)
        try:
            if stored:
                await store.jobs.delete(stored)
        except ChangedError:
            raise _conflict(name) from None
    try:
        await store.transforms.delete(found, announced=store.jobs.outbox is not None)
    except ChangedError:
        raise _conflict(name) from None
    return Response(status_code=200)


def _parse(properties: dict[str, Any]) -> TransformProperties:
    try:
        return parse_transform(properties)
    except ValidationError as error:
        raise bad_request(f"properties.{problem(error)}") from None


def _conflict(name: str) -> Problem:
    return Problem(409, "Conflict", f"The Transform '{name}' was changed meanwhile; try again.")
