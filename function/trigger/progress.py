"""How far the reconciliation has come, kept in a blob of the function's own storage account."""

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
    """Uploads that changed after `beginning` are looked at; those that changed until `through` have been."""

    beginning: datetime
    through: datetime


class ProgressBlob:
    """Raises azure.core.exceptions.AzureError."""

    def __init__(self, container_url: str, credential: TokenCredential) -> None:
        self._container = ContainerClient.from_container_url(container_url, credential)

    def read(self, *, existing: bool) -> Progress:
        """As written last. Before that, from the time on at which the container was made, which is the deployment's.

        With `existing`, what was in the lake before counts as well, once.
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
