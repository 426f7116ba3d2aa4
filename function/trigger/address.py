"""Addresses of blobs: an event's spelling in, the one canonical spelling out."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from trigger.outcomes import Refused

SUBJECT = re.compile(r"/blobServices/default/containers/[^/]+/blobs/(?P<name>.*)", re.DOTALL)
DEFAULT_PORT = re.compile(r"(?i)^(https://[^/]+?):443(?=/|$)")


@dataclass(frozen=True)
class BlobEndpoint:
    """A storage account's blob or dfs address; in Azure the host names the account, in emulators the path."""

    url: str  # without a slash at the end

    @property
    def account(self) -> str:
        parts = urlsplit(self.url)
        return parts.path.strip("/") or (parts.hostname or "").split(".")[0]

    def path_of(self, url: str) -> str | None:
        """What follows this endpoint in `url`; None when it lies elsewhere."""
        prefix = DEFAULT_PORT.sub(r"\1", self.url) + "/"
        address = DEFAULT_PORT.sub(r"\1", url)
        return address[len(prefix) :] if address[: len(prefix)].lower() == prefix.lower() else None


@dataclass(frozen=True)
class BlobAddress:
    container: str
    name: str  # as the blob is called, not percent-encoded
    url: str  # on the blob endpoint, percent-encoded, without a SAS

    @classmethod
    def under(cls, endpoint: BlobEndpoint, container: str, name: str) -> "BlobAddress":
        """Raises Refused for a name that no address can carry."""
        if any(segment in {".", ".."} for segment in name.split("/")):
            raise Refused(f"blob name {name!r} has a dot segment, which clients would resolve to another address")
        try:
            encoded = quote(name, safe="/", errors="strict")
        except UnicodeEncodeError:
            raise Refused(f"blob name {name!a} is not valid Unicode") from None
        return cls(container, name, f"{endpoint.url}/{container}/{encoded}")


def locate(url: str, subject: str, blob: BlobEndpoint, dfs: BlobEndpoint) -> BlobAddress:
    """The blob that an event speaks of, whichever endpoint it was uploaded to.

    Event Grid does not say whether `url` is percent-encoded, and it has been seen with a bare `#`
    (Azure/azure-sdk-for-net#23634). `subject` carries the blob's plain name, so it decides.

    Raises Refused when the address lies outside both endpoints or cannot be read.
    """
    path = blob.path_of(url)
    if path is None:
        path = dfs.path_of(url)
    if path is None:
        raise Refused(f"data.url {url!r} is not under {blob.url} or {dfs.url}")
    container, _, spelling = path.partition("/")
    return BlobAddress.under(blob, container, _plain_name(spelling, subject, url))


def _plain_name(spelling: str, subject: str, url: str) -> str:
    match = SUBJECT.fullmatch(subject)
    if match and match["name"] == spelling:
        return spelling
    if "?" in spelling or "#" in spelling:
        if match and unquote(spelling) == match["name"]:
            return match["name"]
        raise Refused(f"data.url {url!r} has a query or fragment and is not what the subject {subject!r} names")
    try:
        return unquote(spelling, errors="strict")
    except UnicodeDecodeError:
        raise Refused(f"data.url {url!r} is percent-encoded, but not in UTF-8") from None
