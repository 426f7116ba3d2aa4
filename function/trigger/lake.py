"""The uploaded blob at the lake: the link that the media service reads it by, and whether it is complete."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline import PipelineResponse
from azure.storage.filedatalake import (
    DataLakeServiceClient,
    ExponentialRetry,
    FileSasPermissions,
    UserDelegationKey,
    generate_file_sas,
)

from trigger.address import BlobAddress
from trigger.deadline import Deadline
from trigger.settings import Settings

CLOCK_SKEW = timedelta(minutes=15)
LONGEST_KEY = timedelta(days=7) - CLOCK_SKEW  # Azure allows seven days by its own clock
KEY_REUSE = timedelta(hours=1)


class Lake:
    """Thread-safe. Raises azure.core.exceptions.AzureError."""

    def __init__(
        self,
        settings: Settings,
        credential: TokenCredential,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account = settings.lake_blob_endpoint.account
        self._sas_life = min(timedelta(hours=settings.sas_hours), LONGEST_KEY - KEY_REUSE)
        self._now = now
        # Only a broken connection is tried again here, once: Event Grid repeats the rest, and waits longer.
        self._client = DataLakeServiceClient(
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
        """An https address that allows reading this one blob for SAS_HOURS.

        At 168 hours it ends up to 75 minutes early, for it cannot outlive the key that signs it.
        """
        now = self._now()
        with self._renewal:
            if self._key is None or self._key_end - now < self._sas_life:
                end = now + min(self._sas_life + KEY_REUSE, LONGEST_KEY)
                self._key = self._client.get_user_delegation_key(now - CLOCK_SKEW, end, **deadline.timeouts())
                self._key_end = end
            key = self._key
        sas = generate_file_sas(
            self._account,
            blob.container,
            "",
            blob.name,
            key,
            permission=FileSasPermissions(read=True),
            start=now - CLOCK_SKEW,
            expiry=now + self._sas_life,
            protocol="https",
        )
        return f"{blob.url}?{sas}"

    def is_being_copied(self, blob: BlobAddress, deadline: Deadline) -> bool:
        """A copy into a hierarchical namespace raises its event when it starts, not when it ends."""
        statuses: list[str | None] = []

        def note(response: PipelineResponse) -> None:  # type: ignore[type-arg]
            statuses.append(response.http_response.headers.get("x-ms-copy-status"))

        file = self._client.get_file_client(blob.container, blob.name)
        try:
            file.get_file_properties(raw_response_hook=note, **deadline.timeouts())
        except ResourceNotFoundError:
            return False  # deleted meanwhile; the job will say so
        return statuses[-1] == "pending"
