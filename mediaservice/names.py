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


def stem_of_url(url: str) -> str:
    """The last segment of an address's path, decoded, without its extension."""
    return stem(unquote(urlsplit(url).path))


def stem(path: str) -> str:
    """The file name in `path` without its extension; never empty and short enough for a blob's name."""
    # A decoded %5C or control character is legal in an address but not in a name that tools can handle.
    name = PurePosixPath(path.replace("\\", "/")).name
    clean = "".join(character for character in name if character.isprintable())
    return (PurePosixPath(clean).stem if clean else "")[:200] or "video"


def redacted_name(file_stem: str) -> str:
    return f"{file_stem}_redacted.mp4"
