"""The blob that a dead letter's event is about."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

DEAD_LETTERS = "dead-letters"  # the container's name in the graph
_SUBJECT = "/blobServices/default/containers/"


def uploaded_blob(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return the container and the name of an uploaded or renamed blob. Raises ValueError for another event."""
    subject = event.get("subject")
    if not isinstance(subject, str) or not subject.startswith(_SUBJECT):
        raise ValueError(f"{subject!r} is no blob's subject")
    container, between, name = subject.removeprefix(_SUBJECT).partition("/blobs/")
    if not between or not name:
        raise ValueError(f"{subject!r} is no blob's subject")
    if "\ufffd" in name:  # some subjects lack characters that the address has
        name = unquote(urlsplit(_address(event.get("data"))).path).partition(f"/{container}/")[2]
    return container, name


def _address(data: object) -> str:
    """Return a BlobRenamed's new address, or a BlobCreated's."""
    found = (data.get("destinationUrl") or data.get("url")) if isinstance(data, Mapping) else None
    if not isinstance(found, str):
        raise ValueError(f"{data!r} has no address")
    return found
