"""Who created and last changed an entity: the values of `systemData` in Azure Resource Manager's common types."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mediaservice.utf16 import cut

MAX_NAME = 256  # UTF-16 units; names in Entra have 113 at most
NAMES = ("upn", "preferred_username", "unique_name", "email")


class AuthorKind(StrEnum):
    USER = "User"
    APPLICATION = "Application"
    MANAGED_IDENTITY = "ManagedIdentity"


@dataclass(frozen=True)
class Author:
    """A person by the name to log in with, or an application by its client id."""

    name: str
    kind: AuthorKind


@dataclass(frozen=True)
class Authorship:
    """`modified` is the time of the last change by a client. A worker's changes do not count."""

    created_by: Author
    modified_by: Author
    modified: datetime


def author_of(claims: Mapping[str, Any]) -> Author:
    """Return the author from the claims of an access token."""
    client = claims.get("appid") or claims.get("azp")
    object_id = claims.get("oid")
    if claims.get("idtyp") == "user" or "scp" in claims:
        named = next((claims[claim] for claim in NAMES if claims.get(claim)), object_id or client)
        return Author(_bounded(named), AuthorKind.USER)
    kind = AuthorKind.MANAGED_IDENTITY if "xms_mirid" in claims else AuthorKind.APPLICATION
    return Author(_bounded(client or object_id), kind)


def created(author: Author, now: datetime) -> Authorship:
    return Authorship(author, author, now)


def modified(former: Authorship | None, author: Author, now: datetime) -> Authorship | None:
    """Return the authorship after a change. That of an entity without a known creator stays unknown."""
    return Authorship(former.created_by, author, now) if former else None


def _bounded(name: Any) -> str:
    return cut(str(name or ""), MAX_NAME)
