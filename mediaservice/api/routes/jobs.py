"""Jobs."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from mediaservice import telemetry
from mediaservice.api.contract import render
from mediaservice.api.contract.bodies import JobBody, JobPatch
from mediaservice.api.contract.document import GONE
from mediaservice.api.contract.paging import collection, query_of
from mediaservice.api.contract.problems import Problem, bad_request, not_found
from mediaservice.api.contract.scope import ACCOUNT, Caller, InAccount, JobName, StoreHere, TransformName
from mediaservice.api.routes.submission import submit
from mediaservice.model import authorship, states
from mediaservice.model.authorship import Author
from mediaservice.model.jobs import Job
from mediaservice.model.query import JOBS
from mediaservice.store.errors import ChangedError

if TYPE_CHECKING:
    from mediaservice.store.account import Store

router = APIRouter(prefix=ACCOUNT + "/transforms/{transform}/jobs", tags=["jobs"])
TRIES = 10  # a worker writes about once a second, so the second try nearly always succeeds


@router.get("")
async def list_jobs(request: Request, account: InAccount, transform: TransformName, store: StoreHere) -> dict[str, Any]:
    query = query_of(request, JOBS)
    found, page = await asyncio.gather(store.transforms.get(transform), store.jobs.page(transform, query))
    if not found:
        raise not_found("Transform", transform)
    return collection(request, query, page, lambda job: render.job(account, job))


@router.get("/{job}")
async def get(account: InAccount, transform: TransformName, name: JobName, store: StoreHere) -> dict[str, Any]:
    found = await store.jobs.get(transform, name)
    if not found:
        raise not_found("Job", name)
    return render.job(account, found.value)


@router.put("/{job}", status_code=201)
async def create(
    request: Request,
    account: InAccount,
    transform: TransformName,
    name: JobName,
    body: JobBody,
    store: StoreHere,
    caller: Caller,
) -> dict[str, Any]:
    """Create a job. A taken name is a conflict whatever the body, since jobs do not change and do not run twice."""
    begun = time.monotonic()
    submitter = request.app.state.settings.lake_submitter
    lasting = submitter is not None and request.state.principal == submitter
    job = await submit(store, account, transform, name, body.properties, caller, lasting=lasting)
    telemetry.record(telemetry.SUBMIT_SECONDS, time.monotonic() - begun)
    return render.job(account, job)


@router.patch("/{job}")
async def update(
    account: InAccount, transform: TransformName, name: JobName, body: JobPatch, store: StoreHere, caller: Caller
) -> dict[str, Any]:
    """Update description and priority. The priority has an effect only while the job is queued."""
    patch = body.properties

    def change(job: Job) -> Job:
        description = job.description if patch.description is None else patch.description
        priority = patch.priority or job.priority
        now = datetime.now(UTC)
        return _by(caller, replace(job, description=description, priority=priority, last_modified=now), now)

    return render.job(account, await _change(store, transform, name, change))


@router.delete("/{job}", responses=GONE, response_class=Response)
async def delete(account: InAccount, transform: TransformName, name: JobName, store: StoreHere) -> Response:
    found = await store.jobs.get(transform, name)
    if not found:
        return Response(status_code=204)
    if not found.value.state.final:
        raise bad_request(
            f"The job Delete operation for '{render.job_id(account, found.value)}' resource failed. The job is in the "
            f"'{found.value.state}' state. Cancel the job or retry after the processing completes."
        )
    try:
        await store.jobs.delete(found)
    except ChangedError:
        raise Problem(409, "Conflict", f"The Job '{name}' was changed meanwhile; try again.") from None
    return Response(status_code=200)


@router.post("/{job}/cancelJob", response_class=Response)
async def cancel(transform: TransformName, name: JobName, store: StoreHere, caller: Caller) -> Response:
    def change(job: Job) -> Job:
        now = datetime.now(UTC)
        canceled = states.request_cancel(job, now)
        return job if canceled is job else _by(caller, canceled, now)

    await _change(store, transform, name, change)
    return Response(status_code=200)


def _by(caller: Author, job: Job, now: datetime) -> Job:
    return replace(job, authorship=authorship.modified(job.authorship, caller, now))


async def _change(store: "Store", transform: str, name: str, change: Callable[[Job], Job]) -> Job:
    """Apply `change` to the current job, again whenever its worker has written in between."""
    for _ in range(TRIES):
        found = await store.jobs.get(transform, name)
        if not found:
            raise not_found("Job", name)
        changed = change(found.value)
        if changed is found.value:
            return changed
        try:
            return (await store.jobs.replace(found, changed)).value
        except ChangedError:
            continue
    raise Problem(409, "Conflict", f"The Job '{name}' is being changed; try again.")
