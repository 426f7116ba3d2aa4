"""The files of one review, in a folder of their own beside the video: bare faces are in it, so others cannot enter.

`party.mp4` has the folder `party_review`, with the annotations, thumbnails, doubtful places, decisions, the version for
browsers if one is needed, and the approval.
"""

import fcntl
import functools
import hashlib
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redactor.documents import parsed, write_whole
from redactor.errors import ConfigurationUnsupported, RedactionError
from redactor.review import decisions, reading, writing
from redactor.review.persons import Persons


class Outdated(Exception):  # noqa: N818
    """Somebody else saved in the meantime."""


@dataclass(frozen=True, slots=True)
class Files:
    """The paths of one review."""

    video: Path
    folder: Path

    @classmethod
    def of(cls, video: Path) -> "Files":
        return cls(video, video.parent / f"{video.stem}_review")

    def lock(self) -> int:
        """Keep other servers out of the folder. Return a descriptor; closing it, or the process's end, lets them in.

        Raises ConfigurationUnsupported if another server has it.
        """
        try:
            held = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise ConfigurationUnsupported(f"{self.folder}: cannot be read ({error.strerror})") from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(held)
            raise ConfigurationUnsupported(f"{self.video.name}: is being reviewed by another process") from error
        except OSError:
            pass  # some network file systems have no locks
        return held

    def make_folder(self) -> None:
        """Make the folder, or close the one that is there to others.

        Raises ConfigurationUnsupported for a link and for another user's folder: they decide who can enter.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            found = self.folder.lstat()
            if not stat.S_ISDIR(found.st_mode):
                raise ConfigurationUnsupported(f"{self.folder}: is a link, must be a folder")
            if found.st_uid != os.geteuid():
                raise ConfigurationUnsupported(f"{self.folder}: belongs to another user")
            self.folder.chmod(0o700)
            self.close()
        except OSError as error:
            raise ConfigurationUnsupported(f"{self.folder}: cannot be made ({error.strerror})") from error

    def close(self) -> None:
        """Let nobody but the owner read the folder's files, even where a copy keeps their modes."""
        for file in self.folder.iterdir():
            if file.is_file() and not file.is_symlink():
                file.chmod(0o600)

    @property
    def output(self) -> Path:
        """The result. MP4 and MOV keep their kind."""
        suffix = self.video.suffix.lower()
        kept = self.video.suffix if suffix in {".mp4", ".m4v", ".mov"} else ".mp4"
        return self.video.with_name(f"{self.video.stem}_redacted{kept}")

    @property
    def annotations(self) -> Path:
        return self._named("annotations.json")

    @property
    def doubtful(self) -> Path:
        return self._named("doubtful.json")

    @property
    def decisions(self) -> Path:
        return self._named("decisions.json")

    @property
    def approved(self) -> Path:
        """The decisions that were approved, as they were."""
        return self._named("approved.json")

    @property
    def approval(self) -> Path:
        return self._named("approval.json")

    @property
    def proxy(self) -> Path:
        return self._named("proxy.mp4")

    def thumbnail(self, person: int) -> Path:
        return self._named(f"thumb{person:06d}.jpg")

    def _named(self, name: str) -> Path:
        return self.folder / f"{self.video.stem}_{name}"

    def read_decisions(self) -> tuple[bytes, str]:
        """Return the decisions' text and their version, an HTTP entity tag.

        There is a document without decisions from the start.
        """
        if not self.decisions.exists():
            self._store(self.decisions, writing.to_json(decisions.begun(self.annotations)))
        try:
            text = self.decisions.read_bytes()
        except OSError as error:
            raise RedactionError(f"{self.decisions}: cannot be read ({error.strerror})") from error
        return text, _tag(text)

    def write_decisions(self, document: Any, version: str, known: frozenset[int]) -> str:
        """Save the decisions in place of `version`, and return their version. The values are kept as they are.

        `known` are the ids of the annotations.

        Raises Outdated if they have another version, and ConfigurationUnsupported for a bad document.
        """
        checked = reading.parse(document)
        if self.read_decisions()[1] != version:
            raise Outdated
        if checked.annotations != decisions.digest(self.annotations):
            raise ConfigurationUnsupported("the decisions are of another analysis; load the page again")
        Persons(checked, known)
        return self._store(self.decisions, document)

    def set_aside_decisions(self) -> None:
        """Keep decisions on other annotations under another name: their ids are other people."""
        if self.decisions.exists() and reading.read(self.decisions).annotations != decisions.digest(self.annotations):
            self.decisions.replace(self.decisions.with_suffix(f".{secrets.token_hex(4)}.json"))
            self.approval.unlink(missing_ok=True)

    def approve_decisions(self, version: str) -> None:
        """Keep the decisions of that version as they are, for the redaction. An earlier approval ends.

        Raises Outdated if they have another version.
        """
        text, found = self.read_decisions()
        if found != version:
            raise Outdated
        self.approval.unlink(missing_ok=True)
        write_whole(self.approved, text, private=True)

    def check_approved(self, version: str) -> None:
        """Raise RedactionError if the approved decisions are no longer those of that version."""
        if not self.approved.is_file() or _tag(self.approved.read_bytes()) != version:
            raise RedactionError(
                f"{self.approved}: was changed since the approval; reopen the review and approve again"
            )

    def read_approval(self) -> dict[str, Any] | None:
        """Return the approval, if the result is there as it was written."""
        if not self.approval.exists():
            return None
        read: dict[str, Any] = parsed(self.approval)
        try:
            found = self.output.stat()
            same = found.st_size == read.get("size") and _sha256(self.output, found.st_mtime_ns, found.st_size)
        except OSError:
            return None
        return read if same and same == read.get("sha256") else None

    def write_approval(self, approval: dict[str, Any]) -> None:
        self._store(self.approval, approval)

    def result(self) -> dict[str, Any]:
        """Return the result's name, size and SHA-256."""
        found = self.output.stat()
        digest = _sha256(self.output, found.st_mtime_ns, found.st_size)
        return {"name": self.output.name, "size": found.st_size, "sha256": digest}

    def _store(self, path: Path, document: Any) -> str:
        """Write the document, and return its version."""
        content = json.dumps(document, ensure_ascii=False, indent=1).encode()
        write_whole(path, content, private=True)
        return _tag(content)


def _tag(text: bytes) -> str:
    return f'"{hashlib.sha256(text).hexdigest()}"'


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, _modified: int, _size: int) -> str:
    """Read the file once for each change: the state is asked for every second."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
