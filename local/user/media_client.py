"""A client of the media service for the person at the keyboard: jobs and their results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobProperties, BlobServiceClient, ContainerClient

from local.graph.outputs import SUBSCRIPTION_ID

API_VERSION = "2022-07-01"
ASSET_API_VERSION = "2022-08-01"
TRANSFORM = "faceredact"


@dataclass(frozen=True)
class Job:
    """A job's state. `progress` is 0 to 100; `error` is one line if it ended in Error."""

    name: str
    state: str
    progress: int
    asset: str
    error: str | None

    @property
    def ended(self) -> bool:
        return self.state in {"Finished", "Error", "Canceled"}


@dataclass(frozen=True)
class Result:
    """A downloaded video with the service's metrics. `seconds` are by stage."""

    path: Path
    faces: int  # tracks: in Combined nobody is identified
    frames: int
    frames_with_faces: int
    doubtful_places: int
    seconds: dict[str, float]


class MediaClient:
    """Reads jobs and results. Raises httpx.HTTPError and azure.core's AzureError."""

    def __init__(
        self, url: str, resource_group: str, account: str, credential: TokenCredential, audience: str, results: str
    ) -> None:
        self._account = (
            f"{url}/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{resource_group}"
            f"/providers/Microsoft.Media/mediaServices/{account}"
        )
        self._credential, self._audience = credential, audience
        self._client = httpx.Client(timeout=30)
        self._blobs = BlobServiceClient(results, credential=credential)

    def close(self) -> None:
        self._client.close()
        self._blobs.close()

    def find_job(self, etag: str) -> Job | None:
        """Return the job of an upload, by its eTag without quotes, or None while there is none."""
        url: str | None = f"{self._account}/transforms/{TRANSFORM}/jobs?api-version={API_VERSION}"
        while url:
            page = self._get(url)
            for entry in page["value"]:
                if entry["properties"].get("correlationData", {}).get("eTag") == etag:
                    return _job(entry)
            url = page.get("@odata.nextLink")
        return None

    def job(self, name: str) -> Job:
        """Return a job as it is now."""
        return _job(self._get(f"{self._account}/transforms/{TRANSFORM}/jobs/{name}?api-version={API_VERSION}"))

    def result_url(self, asset: str) -> str:
        """Return the address of the asset's one video."""
        container, blob = self._result(asset)
        return str(container.get_blob_client(blob.name).url)

    def download(self, asset: str, folder: Path) -> Result:
        """Download the asset's one video into `folder`, completely or not at all."""
        container, blob = self._result(asset)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / blob.name
        unfinished = path.with_name(f".{path.name}.partial")
        try:
            with unfinished.open("wb") as file:
                container.download_blob(blob.name).readinto(file)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        said = {key.lower(): value for key, value in blob.metadata.items()}
        return Result(
            path=path,
            faces=int(said["faces"]),
            frames=int(said["frames"]),
            frames_with_faces=int(said["frameswithfaces"]),
            doubtful_places=int(said["doubtfulplaces"]),
            seconds={stage: float(said[f"{stage}seconds"]) for stage in ("download", "redact", "upload")},
        )

    def _result(self, asset: str) -> tuple[ContainerClient, BlobProperties]:
        found = self._get(f"{self._account}/assets/{asset}?api-version={ASSET_API_VERSION}")
        container = self._blobs.get_container_client(found["properties"]["container"])
        (blob,) = container.list_blobs(include=["metadata"])
        return container, blob

    def _get(self, url: str) -> dict[str, Any]:
        token = self._credential.get_token(f"{self._audience}/.default").token
        answer = self._client.get(url, headers={"Authorization": f"Bearer {token}"})
        answer.raise_for_status()
        return dict(answer.json())


def _job(entry: dict[str, Any]) -> Job:
    properties = entry["properties"]
    (output,) = properties["outputs"]
    return Job(
        name=entry["name"],
        state=properties["state"],
        progress=int(output.get("progress") or 0),
        asset=output["assetName"],
        error=reason(output.get("error")) if properties["state"] == "Error" else None,
    )


def reason(error: dict[str, Any] | None) -> str:
    """Return an output's error on one line."""
    if not error:
        return "no reason given"
    details = "; ".join(detail["message"] for detail in error.get("details") or [] if detail.get("message"))
    message = error.get("message") or ""
    return f"{error['code']}: {message if not details or details in message else f'{message} ({details})'}"
