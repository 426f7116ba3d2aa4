"""Storage accounts of the substitute for Azure: each gets one of Azurite's on first use."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobSasPermissions, generate_blob_sas

from local.resources.storage import make_container
from local.services.azurite import Azurite


class AzuriteStorage:
    """The data plane, and the other hosts with public Azure's names."""

    def __init__(self, azurite: Azurite, accounts: Iterable[str]) -> None:
        self._azurite = azurite
        self._free = list(accounts)
        self._taken: dict[str, str] = {}

    def _account(self, name: str) -> str:
        if name not in self._taken:
            self._taken[name] = self._free.pop()
        return self._taken[name]

    def storage(self, account: str) -> dict[str, str]:
        at = self._azurite.endpoints[self._account(account)]
        return {"blob": at.blob, "dfs": at.blob, "queue": at.queue, "table": at.table}

    def container_app(self, name: str) -> str:
        return f"{name}.example.westeurope.azurecontainerapps.io"

    def topic(self, name: str) -> str:
        return f"https://{name}.westeurope-1.eventgrid.azure.net/api/events"

    def web_app(self, name: str) -> str:
        return f"{name}.azurewebsites.net"

    def make_container(self, account: str, name: str) -> None:
        make_container(self._azurite, self._account(account), name)

    def fetch(self, link: str) -> bytes | None:
        """Return the content of an address without a token, or None."""
        answer = httpx.get(link, timeout=60)
        return answer.content if answer.is_success else None

    def _read(self, url: str) -> bytes | None:
        key = self._azurite.account_key(urlsplit(url).path.split("/")[1])
        with BlobClient.from_blob_url(url, credential=key) as blob:
            try:
                return blob.download_blob().readall()
            except ResourceNotFoundError:
                return None

    def new_sources(self) -> tuple[str, str]:
        """Return the address for uploading a build's sources, and the registry's name for them."""
        account, container, name = self._account("registry"), "source", f"{uuid.uuid4()}.tar.gz"
        make_container(self._azurite, account, container)
        key = self._azurite.account_key(account).named_key.key
        signature = generate_blob_sas(
            account,
            container,
            name,
            account_key=key,
            permission=BlobSasPermissions(create=True, write=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        location = f"{container}/{name}"
        return f"{self._azurite.endpoints[account].blob}{location}?{signature}", location

    def sources(self, location: str) -> bytes | None:
        """Return the uploaded sources."""
        return self._read(f"{self._azurite.endpoints[self._account('registry')].blob}{location}")
