"""Submission of a job: all checks first, then the writes, in an order that loses nothing."""

import asyncio
import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mediaservice.api.contract.bodies import AssetInputBody, HttpInputBody, InputListBody, JobProperties
from mediaservice.api.contract.problems import Problem, bad_request, not_found
from mediaservice.model.authorship import Author, created
from mediaservice.model.jobs import AssetInput, HttpInput, Input, Job, JobOutput
from mediaservice.model.sources import problem
from mediaservice.model.transforms import Transform
from mediaservice.names import address_problem, path_problem
from mediaservice.settings import Account
from mediaservice.store.errors import ExistsError
from mediaservice.utf16 import cut

if TYPE_CHECKING:
    from mediaservice.store.account import Store


SHOWN = 100  # UTF-16 units of the client's values
MAX_JOBS = 500_000  # the limit of Media Services, for an account


async def submit(
    store: "Store",
    account: Account,
    transform: str,
    name: str,
    given: JobProperties,
    caller: Author,
    *,
    lasting: bool = False,
) -> Job:
    """Submit a job and return it as stored. Raises Problem: 404, 400, or 409 if the name is taken.

    With `lasting`, the worker may read the deployment's uploads by its own identity once the links have expired.
    """
    from mediaservice.store.work import Ticket

    found, there, missing = await asyncio.gather(
        store.transforms.get(transform), store.jobs.get(transform, name), _missing_asset(store, account, given)
    )
    if not found:
        raise not_found("Transform", transform)
    if there:
        raise _taken(name)
    if store.jobs.stored >= MAX_JOBS:
        raise Problem(403, "QuotaExceeded", f"The account has {MAX_JOBS:,} Jobs already; delete those not needed.")
    job = _accepted(found.value, name, given, caller, lasting=lasting)
    if missing:
        raise missing
    store.jobs.check(job)
    await store.work.put(Ticket(job.transform, job.name, job.instance))
    try:
        await store.jobs.insert(job)
    except ExistsError:
        stored = await store.jobs.get(transform, name)
        # A retry within the SDK may find the result of its first try.
        if not stored or stored.value.instance != job.instance:
            raise _taken(name) from None
    return job


def _accepted(transform: Transform, name: str, given: JobProperties, caller: Author, *, lasting: bool) -> Job:
    now = datetime.now(UTC)
    job = Job(
        transform=transform.name,
        name=name,
        instance=str(uuid.uuid4()),
        created=now,
        last_modified=now,
        inputs=_inputs(given, lasting=lasting),
        outputs=_outputs(transform, given),
        priority=given.priority,
        description=given.description,
        correlation_data=given.correlation_data,
        listed=isinstance(given.input, InputListBody),
        authorship=created(caller, now),
    )
    if unsuitable := problem(job):
        raise bad_request(f"properties.input: {unsuitable}.")
    return job


def _taken(name: str) -> Problem:
    return Problem(409, "Conflict", f"A Job with the name '{name}' exists already.")


def _inputs(given: JobProperties, *, lasting: bool) -> tuple[Input, ...]:
    if isinstance(given.input, InputListBody):
        return tuple(
            _input(each, f"input.inputs[{number}]", lasting=lasting) for number, each in enumerate(given.input.inputs)
        )
    return (_input(given.input, "input", lasting=lasting),)


def _input(given: HttpInputBody | AssetInputBody, path: str, *, lasting: bool) -> Input:
    if isinstance(given, AssetInputBody):
        for number, file in enumerate(given.files):
            if wrong := path_problem(file):
                raise bad_request(f"properties.{path}.files[{number}] is {cut(file, SHOWN)!r}: {wrong}.")
        return AssetInput(given.asset_name, given.files, given.label)
    if len(given.files) != 1:
        raise bad_request(f"properties.{path}.files: an HTTPS input takes exactly one file, not {len(given.files)}.")
    url = given.files[0]
    if given.base_uri:
        url = given.base_uri.rstrip("/") + "/" + url.lstrip("/")
    if wrong := address_problem(url):
        raise bad_request(f"properties.{path}.files[0]: {wrong}, baseUri included.")
    shown = re.split(r"\?|%3F", given.base_uri, maxsplit=1, flags=re.IGNORECASE)[0] if given.base_uri else None
    return HttpInput(url, shown, given.label, lasting=lasting)


def _outputs(transform: Transform, given: JobProperties) -> tuple[JobOutput, ...]:
    tasks = transform.properties.outputs
    if len(given.outputs) != len(tasks):
        raise bad_request(
            f"properties.outputs: the Job has {len(given.outputs)}, the Transform '{transform.name}' "
            f"has {len(tasks)}; there must be as many."
        )
    if len({output.asset_name.lower() for output in given.outputs}) < len(given.outputs):
        raise bad_request("properties.outputs: each needs an Asset of its own, since the files have the same name.")
    return tuple(
        JobOutput(
            asset=output.asset_name,
            label=output.label or f"FaceDetectorPreset_{index}",
            task=task.model_copy(update={"preset": output.preset_override}) if output.preset_override else task,
        )
        for index, (output, task) in enumerate(zip(given.outputs, tasks, strict=True))
    )


async def _missing_asset(store: "Store", account: Account, given: JobProperties) -> Problem | None:
    named = [output.asset_name for output in given.outputs]
    inputs = given.input.inputs if isinstance(given.input, InputListBody) else (given.input,)
    named += [each.asset_name for each in inputs if isinstance(each, AssetInputBody)]
    found = await asyncio.gather(*(store.assets.get(asset) for asset in named))
    for asset, there in zip(named, found, strict=True):
        if not there:
            return bad_request(f"Asset '{asset}' is not found under account '{account.name}' when creating job.")
    return None
