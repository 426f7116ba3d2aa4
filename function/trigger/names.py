"""Names of jobs and assets: readable, and the same for the same upload."""

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath

from trigger.upload import Upload

SLUG_LENGTH = 40
HASH_LENGTH = 32  # hexadecimal digits, 128 bits


def job_name(upload: Upload) -> str:
    """Return a name of at most 73 letters, digits and hyphens (260 are allowed). The output asset has the same."""
    stem = unicodedata.normalize("NFKD", PurePosixPath(upload.address.name).stem)
    words = re.sub(r"[^a-z0-9]+", "-", stem.encode("ascii", "ignore").decode().lower())
    slug = words.strip("-")[:SLUG_LENGTH].strip("-") or "video"
    digest = hashlib.sha256(f"{upload.address.url}\n{upload.etag}".encode()).hexdigest()
    return f"{slug}-{digest[:HASH_LENGTH]}"
