"""Brings a job's input to this machine, streamed; what goes wrong is told in the contract's words."""

import asyncio
from pathlib import Path

import httpx

from mediaservice.model.assets import Asset
from mediaservice.model.errors import ErrorCode, ErrorDetail, JobFailedError
from mediaservice.model.jobs import AssetInput, HttpInput, Job
from mediaservice.store.account import Store
from mediaservice.store.errors import NotThereError

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
TRIES = 3
BACKOFF_SECONDS = 1.0
CHUNK_BYTES = 1024 * 1024
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class TransientError(Exception):
    """Worth another try."""


async def download(store: Store, job: Job, to: Path) -> None:
    """Raises JobFailedError: DownloadNotAccessible, DownloadTransientError."""
    if isinstance(job.input, AssetInput):
        await _from_asset(store, job.input, to)
        return
    for attempt in range(1, TRIES + 1):
        try:
            await _from_url(job.input, to)
        except TransientError as error:
            if attempt == TRIES:
                raise JobFailedError(
                    ErrorCode.DOWNLOAD_TRANSIENT_ERROR, f"The input could not be downloaded: {error}."
                ) from None
            await asyncio.sleep(BACKOFF_SECONDS * attempt)
        else:
            return


async def _from_url(given: HttpInput, to: Path) -> None:
    assert given.url, "an unfinished job has its address"
    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client,
            client.stream("GET", given.url, headers={"accept-encoding": "identity"}) as answer,
        ):
            if answer.status_code in TRANSIENT:
                raise TransientError(f"its host answered {answer.status_code}")
            if answer.status_code != 200:
                raise JobFailedError(
                    ErrorCode.DOWNLOAD_NOT_ACCESSIBLE,
                    f"The input could not be downloaded: its host answered {answer.status_code} "
                    f"{answer.reason_phrase}".rstrip()
                    + ".",
                    ErrorDetail(str(answer.status_code), answer.headers.get("x-ms-error-code", answer.reason_phrase)),
                )
            with to.open("wb") as file:
                async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                    await asyncio.to_thread(file.write, chunk)
    except httpx.InvalidURL:
        raise _not_accessible("The input's address is not valid.") from None
    except httpx.TimeoutException:
        raise TransientError("its host did not answer in time") from None
    except httpx.TransportError as error:
        # such an error names the host at most, never the address with its signature
        raise TransientError(f"the connection failed ({type(error).__name__})") from None


async def only_file(store: Store, given: AssetInput) -> str:
    """The name of the one file in an input asset. Raises JobFailedError when there are none or several."""
    asset = await _asset(store, given)
    try:
        names = await store.containers.files(asset.container, 2)
    except NotThereError:
        names = []
    if len(names) != 1:
        found = "none" if not names else "several"
        raise _not_accessible(
            f"The input Asset '{given.asset}' holds {found}; it must hold exactly one file, or the job name one."
        )
    return names[0]


async def _from_asset(store: Store, given: AssetInput, to: Path) -> None:
    assert given.file, "named before the download"
    asset = await _asset(store, given)
    try:
        with to.open("wb") as file:
            async for chunk in store.containers.read(asset.container, given.file):
                await asyncio.to_thread(file.write, chunk)
    except NotThereError:
        raise _not_accessible(f"The input Asset '{given.asset}' does not hold '{given.file}'.") from None


async def _asset(store: Store, given: AssetInput) -> Asset:
    found = await store.assets.get(given.asset)
    if not found:
        raise _not_accessible(f"The input Asset '{given.asset}' does not exist any more.")
    return found.value


def _not_accessible(message: str) -> JobFailedError:
    return JobFailedError(ErrorCode.DOWNLOAD_NOT_ACCESSIBLE, message)
