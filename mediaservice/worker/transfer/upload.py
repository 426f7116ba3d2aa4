"""Uploads as inputs: read by the worker's identity when their links have ended, and only in the version that was meant.

A job may wait for longer than a link lasts, which is a week at most. So a job of the identity that submits uploads
stands for its link: the worker may read the container of uploads, and no other. A job of anybody else ends with its
link, or a client of the service could have read what it was given no link to.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mediaservice.model.errors import ErrorCode, ErrorDetail, JobFailedError
from mediaservice.model.jobs import HttpInput

if TYPE_CHECKING:
    from mediaservice.settings import Inputs
    from mediaservice.store.account import Store

SCOPE = "https://storage.azure.com/.default"
VERSION = "2021-12-02"  # of the Blob service's REST API; bearer tokens need one


@dataclass(frozen=True)
class Request:
    """How an input is asked for; `headers` in lower case."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def on(self, version: str | None) -> "Request":
        """The same, for this version of the blob alone."""
        return replace(self, headers={**self.headers, "if-match": f'"{version}"'}) if version else self

    def changed(self, now: str) -> JobFailedError:
        """The blob is another version than was asked for; `now` is its eTag, empty when it has none."""
        meant = self.headers.get("if-match", "").strip('"')
        found = f"has the eTag {now.strip(chr(34))}" if now else "is another"
        return JobFailedError(
            ErrorCode.DOWNLOAD_NOT_ACCESSIBLE,
            f"The upload has changed: this job is for the version with the eTag {meant}, the blob now {found}, "
            "which a job of its own redacts.",
            ErrorDetail("412", "ConditionNotMet"),
        )


def reads_by_identity(inputs: "Inputs", given: HttpInput) -> bool:
    """The input is one of the deployment's uploads, submitted by the identity that submits them."""
    if not given.lasting or not inputs.lake or not given.url:
        return False
    url = given.url.partition("?")[0]
    segments = unquote(url).split("/")  # a client may resolve dot segments to another container
    return url.startswith(f"{inputs.lake}/") and not {".", ".."} & set(segments)


async def by_own_identity(store: "Store", url: str) -> Request:
    """Without the link's signature. Raises azure.core.exceptions.AzureError."""
    token = await store.identity.get_token(SCOPE)
    headers = {"authorization": f"Bearer {token.token}", "x-ms-version": VERSION}
    return Request(url.partition("?")[0], headers)
