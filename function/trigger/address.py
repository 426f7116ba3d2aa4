"""Addresses of blobs: from an event's spelling to the canonical one."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from trigger.outcomes import Refused

SUBJECT = re.compile(r"/blobServices/default/containers/[^/]+/blobs/(?P<name>.*)", re.DOTALL)
DEFAULT_PORT = re.compile(r"(?i)^(https://[^/]+?):443(?=/|$)")


@dataclass(frozen=True)
class BlobEndpoint:
    """A storage account's blob or dfs address. In Azure the host names the account, in emulators the path."""

    url: str  # without a slash at the end

    @property
    def account(self) -> str:
        parts = urlsplit(self.url)
        return parts.path.strip("/") or (parts.hostname or "").split(".")[0]

    def path_of(self, url: str) -> str | None:
        """Return the path of `url` below this endpoint, or None if it lies elsewhere."""
        prefix = DEFAULT_PORT.sub(r"\1", self.url) + "/"
        address = DEFAULT_PORT.sub(r"\1", url)
        return address[len(prefix) :] if address[: len(prefix)].lower() == prefix.lower() else None


@dataclass(frozen=True)
class BlobAddress:
    container: str
    name: str  # the blob's name, not percent-encoded
    url: str  # on the blob endpoint, percent-encoded, without a SAS

    @classmethod
    def under(cls, endpoint: BlobEndpoint, container: str, name: str) -> "BlobAddress":
        """Return the blob's address. Raises Refused for a name that no address can carry."""
        if any(segment in {".", ".."} for segment in name.split("/")):
            raise Refused(f"blob name {name!r} has a dot segment, which clients would resolve to another address")
        try:
            encoded = quote(name, safe="/", errors="strict")
        except UnicodeEncodeError:
            raise Refused(f"blob name {name!a} is not valid Unicode") from None
        return cls(container, name, f"{endpoint.url}/{container}/{encoded}")


def locate(url: str, subject: str, blob: BlobEndpoint, dfs: BlobEndpoint) -> BlobAddress:
    """Return the address of an event's blob, whichever endpoint it was uploaded to.

    Event Grid does not document whether `url` is percent-encoded, and a bare `#` has been seen
    (Azure/azure-sdk-for-net#23634). `subject` carries the blob's plain name and therefore decides.

    Raises Refused if the address lies outside both endpoints or cannot be parsed.
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
