"""A client of the stack's media service account, with the current login."""

from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from operations.outputs import StackOutputs

if TYPE_CHECKING:  # slow to import, and a wrong option should be reported at once
    from azure.core.credentials import TokenCredential

_API = "2022-07-01"
_ASSETS_API = "2022-08-01"
_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """A job as it is now. `error` is one line, empty unless it ended in Error."""

    name: str
    state: str
    progress: int
    asset: str
    error: str


class MediaAccount:
    """Reads jobs and assets, as a context manager. Raises httpx.HTTPError and azure.core's AzureError."""

    def __init__(self, outputs: StackOutputs, credential: "TokenCredential") -> None:
        import httpx

        self._credential, self._scope = credential, f"{outputs.media_audience}/.default"
        self._transform = f"{outputs.media_account}/transforms/{outputs.transform}"
        self._jobs = f"{self._transform}/jobs"
        self._assets = f"{outputs.media_account}/assets"
        self._client = httpx.Client(base_url=outputs.media_endpoint, timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def check(self) -> None:
        """Read the Transform, which every reader of the account may do."""
        self._get(self._transform, {"api-version": _API})

    def job_of(self, etag: str, since: datetime) -> Job | None:
        """Return the job of the upload with this eTag (without quotes), among those submitted since then."""
        query = {"api-version": _API, "$filter": f"properties/created ge {since:%Y-%m-%dT%H:%M:%SZ}"}
        page = self._get(self._jobs, query)
        while True:
            for entry in page["value"]:
                if (entry["properties"].get("correlationData") or {}).get("eTag") == etag:
                    return _job(entry)
            if not (following := page.get("@odata.nextLink")):
                return None
            page = self._get(following, None)

    def job(self, name: str) -> Job:
        """Return a job as it is now."""
        return _job(self._get(f"{self._jobs}/{name}", {"api-version": _API}))

    def container_of(self, asset: str) -> str:
        """Return the blob container of an asset's files."""
        found = self._get(f"{self._assets}/{asset}", {"api-version": _ASSETS_API})
        return str(found["properties"]["container"])

    def _get(self, url: str, query: dict[str, str] | None) -> dict[str, Any]:
        token = self._credential.get_token(self._scope).token
        answer = self._client.get(url, params=query, headers={"Authorization": f"Bearer {token}"})
        answer.raise_for_status()
        return dict(answer.json())


def _job(entry: dict[str, Any]) -> Job:
    properties = entry["properties"]
    (output,) = properties["outputs"]
    error = output.get("error") or {}
    return Job(
        name=entry["name"],
        state=properties["state"],
        progress=int(output.get("progress") or 0),
        asset=output["assetName"],
        error=f"{error['code']}: {error.get('message') or ''}".strip() if error else "",
    )
