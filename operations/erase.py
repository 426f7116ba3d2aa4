"""`erase`: deletes an upload with its jobs and results, and lists the remaining copies."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from operations.errors import UsageError
from operations.letters import DEAD_LETTERS, uploaded_blob
from operations.outputs import StackOutputs
from operations.records import ADDRESS_LENGTH, FINAL, Records, failures

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from azure.core.credentials import TokenCredential


def erase(outputs: StackOutputs, credential: "TokenCredential", records: Records, video: str) -> Iterator[str]:
    """Yield a line for each deletion and each remaining copy. The upload goes first, so that no new job is submitted.

    Raises UsageError while a job of the video is not over, or if nothing is known of it, and OperationError.
    """
    jobs = records.of_video(video)
    if unfinished := [job for job in jobs if job.state not in FINAL]:
        raise UsageError(f"job {unfinished[0].name} of {video} is {unfinished[0].state}; cancel it first, or wait")
    uploaded = _delete_upload(outputs, credential, video)
    if uploaded:
        yield f"upload {outputs.upload_to}/{video}"
    for job in jobs:
        records.forget(job)
        yield f"job {job.name}, its asset and their files"
    assets = records.assets_of(video)  # their jobs' records are over, which the service keeps for 90 days
    for asset in assets:
        records.delete_asset(asset)
        yield f"asset {asset} and its files"
    letters = list(_delete_letters(outputs, credential, video))
    yield from letters
    if not (uploaded or jobs or assets or letters):
        raise UsageError(f"nothing is known of {video!r}; allowed: the name of an upload, such as 2026/party.mp4")
    if len(records.address(video)) > ADDRESS_LENGTH:
        yield "remains: results whose job is over 90 days old, since the address is too long to find them by"
    yield "remains: upload and files as soft-deleted copies until `recoverDays` are over, which cannot be shortened"
    yield "remains: its name in logs and traces until `logDays` are over"
    yield "remains: copies that were downloaded, and events that subscribers have kept"


def _delete_upload(outputs: StackOutputs, credential: "TokenCredential", video: str) -> bool:
    """Delete the upload with its snapshots. Return False if it does not exist."""
    from azure.core.exceptions import ResourceNotFoundError
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_container_url(outputs.upload_to, credential) as uploads, failures(outputs.upload_to):
        try:
            uploads.delete_blob(video, delete_snapshots="include")
        except ResourceNotFoundError:
            return False
    return True


def _delete_letters(outputs: StackOutputs, credential: "TokenCredential", video: str) -> Iterator[str]:
    """Delete the video's dead letters. A letter about several videos keeps the others."""
    from azure.storage.blob import ContainerClient

    url = f"{outputs.results_in}/{DEAD_LETTERS}"
    container = outputs.upload_to.rpartition("/")[2]
    with ContainerClient.from_container_url(url, credential) as letters, failures(url):
        for name in letters.list_blob_names():
            events = _events(letters.download_blob(name).readall())
            others = [event for event in events if not _is_about(event, container, video)]
            if len(others) == len(events):
                continue
            if others:
                letters.upload_blob(name, json.dumps(others), overwrite=True)
            else:
                letters.delete_blob(name)
            yield f"dead letter {name}"


def _is_about(event: dict[str, Any], container: str, video: str) -> bool:
    try:
        return uploaded_blob(event) == (container, video)
    except ValueError:
        return False


def _events(content: bytes) -> list[dict[str, Any]]:
    """Return a letter's events, none for other blobs."""
    try:
        events = json.loads(content)
    except ValueError:
        return []
    return events if isinstance(events, list) and all(isinstance(event, dict) for event in events) else []
