"""An asset: a named blob container."""

from dataclasses import dataclass
from datetime import datetime

from mediaservice.model.authorship import Authorship


@dataclass(frozen=True)
class Asset:
    name: str
    asset_id: str  # a GUID
    container: str
    created: datetime
    last_modified: datetime
    alternate_id: str | None = None
    description: str | None = None
    authorship: Authorship | None = None  # None: unknown
