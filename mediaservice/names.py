"""Names of entities, and names that the service derives."""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx

from mediaservice.logs import masked

MAX_LENGTH = 260
MAX_PATH = 1024  # characters in a blob's name
# `:` is not allowed either, but old clients sent it and Media Services accepted it.
FORBIDDEN = "<>%&\\?/*+.'"
CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")


def name_problem(name: str) -> str | None:
    """Return the reason why `name` cannot be an asset's, transform's or job's, or None."""
    if not 1 <= len(name) <= MAX_LENGTH:
        return f"the name has {len(name)} characters; 1 to {MAX_LENGTH} are allowed"
    if bad := sorted({character for character in name if character in FORBIDDEN or ord(character) < 32}):
        return f"the name {name!r} holds {' '.join(bad)}; not allowed are {FORBIDDEN} and control characters"
    return None


def path_problem(path: str) -> str | None:
    """Return the reason why no blob can have this path, or None. Clients resolve `..` before a request."""
    if not 1 <= len(path) <= MAX_PATH:
        return f"it has {len(path)} characters; 1 to {MAX_PATH:,} are allowed"
    if any(segment in (".", "..") for segment in re.split(r"[/\\]", path)):
        return "it has a segment '.' or '..', which no file can be called"
    return None


def address_problem(url: str) -> str | None:
    """Return the reason why nothing can be downloaded from the address, or None."""
    try:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.username is not None:
            return "it must be an https address without user name"
        if parts.port == 0 or not httpx.URL(url).host:  # it decodes the host's name
            raise ValueError
    except (ValueError, httpx.InvalidURL):  # a port above 65535, for example
        return "its host or port is not valid"
    return None


def file_of_url(url: str) -> str:
    """Return the last segment of an address's path, decoded, without any encoded query."""
    path = unquote(urlsplit(url).path)
    return file_of_path(path if masked(path) == path else path.partition("?")[0].partition("%3F")[0])


def file_of_path(path: str) -> str:
    """Return the file name in `path`, never empty and never longer than blobs and tools allow."""
    name = PurePosixPath(path.replace("\\", "/")).name
    clean = "".join(character for character in name if character.isprintable())
    return clean[-200:] or "video"


def is_annotations(name: str) -> bool:
    return name.lower().endswith("_annotations.json")


def is_id_list(name: str) -> bool:
    return name.lower().endswith("_idlist.txt")


def is_sidecar(name: str) -> bool:
    """Return True for files beside a video: those of an analysis, and lists of ids."""
    return name.lower().endswith((".json", ".txt", ".jpg"))


def redacted_name(file: str) -> str:
    """Return the name of the redacted version of `file`."""
    return f"{PurePosixPath(file).stem}_redacted.mp4"
