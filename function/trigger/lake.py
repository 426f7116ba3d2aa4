"""The uploaded blobs in the lake: their current state, and read-only links for the media service."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import (
    BlobProperties,
    BlobSasPermissions,
    BlobServiceClient,
    BlobType,
    ExponentialRetry,
    UserDelegationKey,
    generate_blob_sas,
)

from trigger.address import BlobAddress
from trigger.deadline import Deadline
from trigger.settings import Settings

CLOCK_SKEW = timedelta(minutes=15)
LONGEST_KEY = timedelta(days=7) - CLOCK_SKEW  # Azure allows seven days by its clock
KEY_REUSE = timedelta(hours=1)
PAGE = 5000  # blobs in one answer, the most that storage gives


@dataclass(frozen=True)
class Blob:
    """A version of a blob."""

    name: str
    etag: str  # without quotes
    size: int
    changed: datetime
    appendable: bool  # an append blob that is not sealed, to which more may be appended
    copying: bool


class Lake:
    """A thread-safe client of the lake. Raises azure.core.exceptions.AzureError."""

    def __init__(
        self,
        settings: Settings,
        credential: TokenCredential,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account = settings.lake_blob_endpoint.account
        self._container = settings.upload_container
        self._sas_life = min(timedelta(hours=settings.sas_hours), LONGEST_KEY - KEY_REUSE)
        self._now = now
        # Only a broken connection is retried here, once. Event Grid repeats the rest, with longer pauses.
        self._client = BlobServiceClient(
            settings.lake_blob_endpoint.url,
            credential=credential,
            retry_policy=ExponentialRetry(
                initial_backoff=0, increment_base=1, random_jitter_range=0, retry_total=1, retry_status=0
            ),
        )
        self._renewal = threading.Lock()
        self._key: UserDelegationKey | None = None
        self._key_end = datetime.min.replace(tzinfo=UTC)

    def read_link(self, blob: BlobAddress, deadline: Deadline) -> str:
        """Return an https address that grants read access to this blob for SAS_HOURS.

        At 168 hours it ends up to 75 minutes early, since it cannot outlive the key that signs it.
        """
        now = self._now()
        with self._renewal:
            if self._key is None or self._key_end - now < self._sas_life:
                end = now + min(self._sas_life + KEY_REUSE, LONGEST_KEY)
                self._key = self._client.get_user_delegation_key(now - CLOCK_SKEW, end, **deadline.timeouts())
                self._key_end = end
            key = self._key
        sas = generate_blob_sas(
            self._account,
            blob.container,
            blob.name,
            user_delegation_key=key,
            permission=BlobSasPermissions(read=True),
            start=now - CLOCK_SKEW,
            expiry=now + self._sas_life,
            protocol="https",
        )
        return f"{blob.url}?{sas}"

    def look(self, blob: BlobAddress, deadline: Deadline) -> Blob | None:
        """Return the blob as it is now, or None if it does not exist."""
        try:
            with self._client.get_blob_client(blob.container, blob.name) as client:
                return _blob(client.get_blob_properties(**deadline.timeouts()))
        except ResourceNotFoundError:
            return None

    def page(self, marker: str | None = None, folder: str = "") -> tuple[list[Blob], str | None]:
        """Return a page of the uploads, in the order of names, and the marker of the next one, None at the end.

        With `folder`, a path that ends in a slash, only what is below it.
        """
        with self._client.get_container_client(self._container) as container:
            pages = container.list_blobs(
                name_starts_with=folder or None, include=["copy"], results_per_page=PAGE
            ).by_page(marker)
            blobs = [_blob(found) for found in next(pages, ())]
            following: str | None = getattr(pages, "continuation_token", None)
        return blobs, following or None


def _blob(found: BlobProperties) -> Blob:
    return Blob(
        name=found.name,
        etag=found.etag.strip('"'),
        size=found.size,
        changed=found.last_modified,
        appendable=found.blob_type == BlobType.APPENDBLOB and not found.is_append_blob_sealed,
        copying=found.copy.status == "pending",
    )
