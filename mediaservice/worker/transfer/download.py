"""Streams a job's input to this machine. Failures have the contract's codes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from mediaservice.model.errors import ErrorCode, ErrorDetail, JobFailedError
from mediaservice.model.jobs import AssetInput, HttpInput
from mediaservice.model.sources import File
from mediaservice.settings import HTTPS, Inputs
from mediaservice.store.account import Store
from mediaservice.store.errors import NotThereError
from mediaservice.worker.disk import Disk
from mediaservice.worker.transfer.hosts import RefusedHostError, UnknownHostError, checked_addresses
from mediaservice.worker.transfer.upload import Request, by_own_identity, reads_by_identity

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
TRIES = 3
BACKOFF_SECONDS = 1.0
CHUNK_BYTES = 1024 * 1024
LISTED = 10_000  # names in an asset: an analysis leaves a thumbnail of each face beside the video
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
PRECONDITION_FAILED = 412
NO_ACCESS = frozenset({401, 403})  # Azure's answers for a link that has expired or been revoked


class TransientError(Exception):
    """A failure that is worth another try."""


class LinkEndedError(Exception):
    """The address gives no access, or no longer. `failure` is the client's message if no other access succeeds."""

    def __init__(self, failure: JobFailedError) -> None:
        super().__init__(str(failure))
        self.failure = failure


async def download(store: Store, inputs: Inputs, file: File, to: Path, disk: Disk, version: str | None = None) -> None:
    """Download `file` to `to`, completely or not at all.

    `version` is the eTag that an upload must still have. Raises JobFailedError: DownloadNotAccessible,
    DownloadTransientError, ContentUnsupported.
    """
    part = to.with_name(f"{to.name}.part")
    try:
        async with asyncio.timeout(inputs.timeout_seconds):
            if isinstance(file.of, AssetInput):
                await _from_asset(store, inputs, file.of.asset, file.path, part, disk)
            else:
                await _from_url_in_tries(store, inputs, file.of, part, disk, version)
    except TimeoutError:
        raise JobFailedError(
            ErrorCode.DOWNLOAD_TRANSIENT_ERROR, f"The input's download took longer than {inputs.timeout_seconds} s."
        ) from None
    part.rename(to)


async def _from_url_in_tries(
    store: Store, inputs: Inputs, given: HttpInput, to: Path, disk: Disk, version: str | None
) -> None:
    assert given.url, "an unfinished job has its address"
    by_identity = False
    attempt = 1
    while True:
        try:
            request = await by_own_identity(store, given.url) if by_identity else Request(given.url)
            await _fetch(inputs, request.on(version), attempt, to, disk)
        except LinkEndedError as ended:
            if by_identity or not reads_by_identity(inputs, given):
                raise ended.failure from None
            by_identity = True
        except TransientError as error:
            if attempt == TRIES:
                raise JobFailedError(
                    ErrorCode.DOWNLOAD_TRANSIENT_ERROR, f"The input could not be downloaded: {error}."
                ) from None
            await asyncio.sleep(BACKOFF_SECONDS * attempt)
            attempt += 1
        else:
            return


async def _fetch(inputs: Inputs, request: Request, attempt: int, to: Path, disk: Disk) -> None:
    try:
        url = httpx.URL(request.url)
        addresses = await checked_addresses(inputs, url.host, url.port or HTTPS)
        # The connection goes to the address. Certificate and Host header are those of the name.
        to_address = url.copy_with(host=addresses[(attempt - 1) % len(addresses)])
        headers = {**request.headers, "host": url.netloc.decode(), "accept-encoding": "identity"}
        # a proxy from the environment would resolve the name again
        async with httpx.AsyncClient(timeout=TIMEOUT, verify=httpx.create_ssl_context(), trust_env=False) as client:
            sni = {"sni_hostname": url.host}
            async with client.stream("GET", to_address, headers=headers, extensions=sni) as answer:
                if answer.status_code != PRECONDITION_FAILED or "if-match" not in headers:
                    _check_answer(answer)
                    _check_length(int(answer.headers.get("content-length", 0)), inputs, disk)
                    await _write(answer.aiter_raw(CHUNK_BYTES), to, inputs, disk)
                    return
            del headers["if-match"]
            now = await client.head(to_address, headers=headers, extensions=sni)
            raise request.changed(now.headers.get("etag", "") if now.is_success else "")
    except (httpx.InvalidURL, UnicodeError):  # of a host's name
        raise _not_accessible("The input's address is not valid.") from None
    except RefusedHostError as refused:
        raise _not_accessible(f"The input was not downloaded: {refused}.") from None
    except UnknownHostError as unknown:
        raise TransientError(str(unknown)) from None
    except httpx.TimeoutException:
        raise TransientError("its host did not answer in time") from None
    except httpx.TransportError as error:
        # the error names at most the host, never the address with its signature
        raise TransientError(f"the connection failed ({type(error).__name__})") from None


def _check_answer(answer: httpx.Response) -> None:
    """Check the answer. Redirects are refused, since their targets are unchecked."""
    if answer.status_code in TRANSIENT:
        raise TransientError(f"its host answered {answer.status_code}")
    if answer.status_code != 200:
        status = f"{answer.status_code} {answer.reason_phrase}".rstrip()
        failed = JobFailedError(
            ErrorCode.DOWNLOAD_NOT_ACCESSIBLE,
            f"The input could not be downloaded: its host answered {status}.",
            ErrorDetail(str(answer.status_code), answer.headers.get("x-ms-error-code", answer.reason_phrase)),
        )
        raise LinkEndedError(failed) if answer.status_code in NO_ACCESS else failed
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise _not_accessible("The input could not be downloaded: its host compresses it, unasked.")
    if "content-length" not in answer.headers and "transfer-encoding" not in answer.headers:
        raise _not_accessible("The input could not be downloaded: its host does not say how long it is.")


def _check_length(length: int, inputs: Inputs, disk: Disk) -> None:
    """Check the announced length, before anything is written."""
    if length > inputs.max_bytes:
        raise _too_large(inputs)
    if length > disk.room():
        raise disk.refusal(f"The input has {length:,} bytes", ErrorCode.CONTENT_UNSUPPORTED)


async def _write(chunks: AsyncIterator[bytes], to: Path, inputs: Inputs, disk: Disk) -> None:
    """Write the stream. The transport reports a short one; the length may be unannounced, or exceeded."""
    room, size = disk.room(), 0
    with to.open("wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > inputs.max_bytes:
                raise _too_large(inputs)
            if size > room and disk.limit:
                raise disk.refusal(f"The input has more than {room:,} bytes", ErrorCode.CONTENT_UNSUPPORTED)
            await asyncio.to_thread(file.write, chunk)


def _too_large(inputs: Inputs) -> JobFailedError:
    return JobFailedError(ErrorCode.CONTENT_UNSUPPORTED, f"The input is larger than {inputs.max_bytes:,} bytes.")


async def files_of(store: Store, asset: str) -> list[str]:
    """Return the names of the files in an input asset, up to a limit. Raises JobFailedError."""
    try:
        return await store.containers.files(await _container(store, asset), LISTED)
    except NotThereError:
        return []


async def _from_asset(store: Store, inputs: Inputs, asset: str, name: str, to: Path, disk: Disk) -> None:
    container = await _container(store, asset)
    try:
        _check_length(await store.containers.size(container, name), inputs, disk)
        await _write(store.containers.read(container, name), to, inputs, disk)
    except NotThereError:
        raise _not_accessible(f"The input Asset '{asset}' does not hold '{name}'.") from None


async def _container(store: Store, asset: str) -> str:
    found = await store.assets.get(asset)
    if not found:
        raise _not_accessible(f"The input Asset '{asset}' does not exist any more.")
    return found.value.container


def _not_accessible(message: str) -> JobFailedError:
    return JobFailedError(ErrorCode.DOWNLOAD_NOT_ACCESSIBLE, message)
