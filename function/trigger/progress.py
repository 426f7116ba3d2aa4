"""The progress of the reconciliation, kept in a blob of the function's storage account."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient

BLOB = "progress.json"
EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Progress:
    """Uploads changed after `beginning` are compared. Those changed until `through` have been."""

    beginning: datetime
    through: datetime


class ProgressBlob:
    """The blob that holds the progress. Raises azure.core.exceptions.AzureError."""

    def __init__(self, container_url: str, credential: TokenCredential) -> None:
        self._container = ContainerClient.from_container_url(container_url, credential)

    def read(self, *, existing: bool) -> Progress:
        """Return the last written progress, or at first one that begins at the deployment, the container's creation.

        With `existing`, earlier uploads are compared once as well.
        """
        try:
            kept = json.loads(self._container.download_blob(BLOB).readall())
            progress = Progress(*(datetime.fromisoformat(kept[key]) for key in ("beginning", "through")))
        except ResourceNotFoundError:
            made = self._container.get_container_properties().last_modified
            progress = Progress(made, made)
        return Progress(EVER, EVER) if existing and progress.beginning > EVER else progress

    def write(self, progress: Progress) -> None:
        kept = {"beginning": progress.beginning.isoformat(), "through": progress.through.isoformat()}
        self._container.upload_blob(BLOB, json.dumps(kept), overwrite=True)
