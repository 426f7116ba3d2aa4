"""The media service account, by the Media Services v3 API."""

from enum import StrEnum

from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.policies import RetryPolicy
from azure.mgmt.media import AzureMediaServices
from azure.mgmt.media.models import Asset, Job, JobInputHttp, JobOutputAsset

from trigger.deadline import Deadline
from trigger.outcomes import Refused
from trigger.settings import Settings
from trigger.upload import Upload

NAME_LENGTH = 260  # the longest name that the service accepts; it documents no limit for other texts
# Unlike other 4xx answers, these may pass: a role (401, 403) or Transform (404) may still be propagating.
PERMANENT = frozenset({400, 405, 406, 411, 413, 414, 415, 422})


class Submitted(StrEnum):
    NEW = "submitted"
    DUPLICATE = "duplicate"


class MediaAccount:
    """A thread-safe client of the account. Raises Refused for a request that can never succeed, else AzureError."""

    def __init__(self, settings: Settings, credential: TokenCredential) -> None:
        self._group = settings.media_resource_group
        self._account = settings.media_account
        self._transform = settings.media_transform
        self._client = AzureMediaServices(
            credential,
            settings.media_subscription_id,
            base_url=settings.media_endpoint,
            credential_scopes=[f"{settings.media_audience}/.default"],
            retry_policy=RetryPolicy(retry_total=1, retry_status=0, retry_backoff_factor=0.3),
        )

    def submit(self, name: str, link: str, upload: Upload, deadline: Deadline) -> Submitted:
        """Create the output asset and the job, both called `name`. An existing job is left unchanged."""
        address = upload.address.url
        asset = Asset(
            alternate_id=address if len(address) <= NAME_LENGTH else None,
            description=f"Faces redacted from {address}"[:NAME_LENGTH],
        )
        job = Job(
            input=JobInputHttp(files=[link]),
            outputs=[JobOutputAsset(asset_name=name)],
            correlation_data={"source": address, "eTag": upload.etag, "eventId": upload.event_id},
        )
        try:
            self._client.assets.create_or_update(self._group, self._account, name, asset, **deadline.timeouts())
            try:
                self._client.jobs.create(self._group, self._account, self._transform, name, job, **deadline.timeouts())
            except ResourceExistsError:
                # A 409 may have other causes. Only an existing job makes this delivery superfluous.
                self._client.jobs.get(self._group, self._account, self._transform, name, **deadline.timeouts())
                return Submitted.DUPLICATE
        except HttpResponseError as error:
            if error.status_code in PERMANENT:
                raise Refused(f"the media service answered {error.status_code}: {error.message}") from None
            raise
        return Submitted.NEW

    def job_state(self, name: str) -> str | None:
        """Return a job's state, or None if there is no such job."""
        try:
            job = self._client.jobs.get(self._group, self._account, self._transform, name, **Deadline().timeouts())
        except ResourceNotFoundError:
            return None
        return str(job.state)

    def has_asset(self, name: str) -> bool:
        try:
            self._client.assets.get(self._group, self._account, name, **Deadline().timeouts())
        except ResourceNotFoundError:
            return False
        return True
