"""The build context of the media service's image: a small archive, the same bytes for the same sources."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

_PARTS = ("Dockerfile", "LICENSE", "mediaservice", "redactor")
_KINDS = {".py", ".txt", ".lock"}


@dataclass(frozen=True)
class ImageContext:
    """A gzipped tar archive at `path`, with the Dockerfile at its root."""

    path: Path
    sha256: str


def build_context(source: Path, cache: Path) -> ImageContext:
    """Pack the Dockerfile and the sources that it copies from the folder `source`. `cache` keeps it by content."""
    content = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=content, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in _files(source):
            data = (source / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    path = cache / f"{digest[:24]}.tar.gz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".partial")
        unfinished.write_bytes(content.getvalue())
        unfinished.replace(path)
    return ImageContext(path, digest)


def _files(source: Path) -> list[str]:
    found = [part for part in _PARTS if (source / part).is_file()]
    for part in _PARTS:
        files = (path.relative_to(source) for path in (source / part).rglob("*") if path.suffix in _KINDS)
        found += [path.as_posix() for path in files if "__pycache__" not in path.parts]
    return sorted(found)
