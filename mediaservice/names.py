"""Names of entities, and the names that the service makes up itself."""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

MAX_LENGTH = 260
# `:` is not allowed either, but old clients sent it and the service took it.
FORBIDDEN = "<>%&\\?/*+.'"
CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")


def name_problem(name: str) -> str | None:
    """Why `name` cannot be an asset's, transform's or job's; None when it can."""
    if not 1 <= len(name) <= MAX_LENGTH:
        return f"the name has {len(name)} characters; 1 to {MAX_LENGTH} are allowed"
    if bad := sorted({character for character in name if character in FORBIDDEN or ord(character) < 32}):
        return f"the name {name!r} holds {' '.join(bad)}; not allowed are {FORBIDDEN} and control characters"
    return None


def file_of_url(url: str) -> str:
    """The last segment of an address's path, decoded."""
    return file_of_path(unquote(urlsplit(url).path))


def file_of_path(path: str) -> str:
    """The file name in `path`; never empty and never more than a blob's name and a tool can handle."""
    name = PurePosixPath(path.replace("\\", "/")).name
    clean = "".join(character for character in name if character.isprintable())
    return clean[-200:] or "video"


def is_annotations(name: str) -> bool:
    return name.lower().endswith("_annotations.json")


def is_id_list(name: str) -> bool:
    return name.lower().endswith("_idlist.txt")


def is_sidecar(name: str) -> bool:
    """What an analysis leaves beside a video, and what people add."""
    return name.lower().endswith((".json", ".txt", ".jpg"))


def redacted_name(file: str) -> str:
    """What the redacted version of `file` is called."""
    return f"{PurePosixPath(file).stem}_redacted.mp4"
