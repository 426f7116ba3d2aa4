"""The version of the rows in tables and of the messages on the queue.

During a rollout, and after a rollback, processes of two versions work on the same rows. A process reads what a newer
schema has written as far as it understands it, and never changes or deletes it: it would lose what it does not know.
docs/upgrade.md has the rules for changes.
"""

from collections.abc import Mapping
from typing import Any

from redactor.version import __version__

SCHEMA = 1
COLUMN = "Schema"  # rows of the first versions lack it
FIRST = 1


def columns() -> dict[str, str | int]:
    """Return the columns that every row has: the schema, and for people the version of the writer."""
    return {COLUMN: SCHEMA, "Version": __version__}


def is_newer(entity: Mapping[str, Any], key: str = COLUMN) -> bool:
    """Return True for what a newer schema has written."""
    schema = entity.get(key, FIRST)
    return not isinstance(schema, int) or schema > SCHEMA
