"""`result`: finds an upload's newest result by the upload's name, and downloads its files."""

from pathlib import Path
from typing import TYPE_CHECKING

from operations.errors import OperationError
from operations.outputs import StackOutputs
from operations.records import Records, failures

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import ContainerClient


def fetch_result(
    outputs: StackOutputs, credential: "TokenCredential", records: Records, video: str, out: Path
) -> list[Path]:
    """Download all files of the newest finished job of `video` into the folder `out`. Raises OperationError."""
    from azure.storage.blob import ContainerClient

    jobs = records.of_video(video)
    finished = next((job for job in jobs if job.state == "Finished"), None)
    if finished is None:
        newest = f"; its newest job is {jobs[0].state}{': ' if jobs[0].error else ''}{jobs[0].error}" if jobs else ""
        raise OperationError(f"{video} has no result{newest or ', nor a job'}")
    container = records.container_of(finished.asset)
    if container is None:
        raise OperationError(f"the result of {video} has been deleted")
    out.mkdir(parents=True, exist_ok=True)
    url = f"{outputs.results_in}/{container}"
    with ContainerClient.from_container_url(url, credential) as blobs, failures(url):
        paths = [_download(blobs, name, out / Path(name).name) for name in blobs.list_blob_names()]
    if not paths:
        raise OperationError(f"the result of {video} has been deleted: {url} is empty")
    return paths


def _download(blobs: "ContainerClient", name: str, path: Path) -> Path:
    """Download a blob completely or not at all."""
    unfinished = path.with_name(f".{path.name}.partial")
    try:
        with unfinished.open("wb") as file:
            blobs.download_blob(name).readinto(file)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
