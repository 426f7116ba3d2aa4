"""An asset: a named blob container."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Asset:
    name: str
    asset_id: str  # a GUID
    container: str
    created: datetime
    last_modified: datetime
    alternate_id: str | None = None
    description: str | None = None
