"""Uploads as inputs: read with the worker's identity once their links have expired, and only in the intended version.

A job may wait for longer than a link lasts, which is a week at most. For jobs of the identity that submits uploads,
the worker therefore reads the container of uploads, and no other, with its own identity. Jobs of other clients depend
on their links, since a client could otherwise read blobs that it has no link to.
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
VERSION = "2021-12-02"  # of the Blob service's REST API; requests with bearer tokens must name one


@dataclass(frozen=True)
class Request:
    """A request for an input. `headers` are in lower case."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def on(self, version: str | None) -> "Request":
        """Return the request for this version of the blob only."""
        return replace(self, headers={**self.headers, "if-match": f'"{version}"'}) if version else self

    def changed(self, now: str) -> JobFailedError:
        """Return the error for a blob of another version. `now` is its eTag, empty if it has none."""
        meant = self.headers.get("if-match", "").strip('"')
        found = f"has the eTag {now.strip(chr(34))}" if now else "is another"
        return JobFailedError(
            ErrorCode.DOWNLOAD_NOT_ACCESSIBLE,
            f"The upload has changed: this job is for the version with the eTag {meant}, the blob now {found}, "
            "which a job of its own redacts.",
            ErrorDetail("412", "ConditionNotMet"),
        )


def reads_by_identity(inputs: "Inputs", given: HttpInput) -> bool:
    """Return True for the deployment's uploads, submitted by the identity that submits them."""
    if not given.lasting or not inputs.lake or not given.url:
        return False
    url = given.url.partition("?")[0]
    segments = unquote(url).split("/")  # clients may resolve dot segments to another container
    return url.startswith(f"{inputs.lake}/") and not {".", ".."} & set(segments)


async def by_own_identity(store: "Store", url: str) -> Request:
    """Return the request with a token instead of the link's signature. Raises azure.core.exceptions.AzureError."""
    token = await store.identity.get_token(SCOPE)
    headers = {"authorization": f"Bearer {token.token}", "x-ms-version": VERSION}
    return Request(url.partition("?")[0], headers)
