"""The folder that keeps a local cloud's data: one cloud at a time, and state files that may have been cut short."""

import contextlib
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)


class DataFolderError(Exception):
    """The folder cannot be used; the message is meant for the user."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder, and keep it for this process until the end of the `with`. Raises DataFolderError."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip()
            raise DataFolderError(
                f"{folder} is in use by another local cloud (process {holder}); stop that one, or use another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def open_database(file: Path | None, schema: str) -> sqlite3.Connection:
    """Open a database, in memory without a file. One that cannot be read is set aside, and begun anew."""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _opened(file, schema)
        except sqlite3.DatabaseError as error:
            aside = file.with_name(f"{file.name}.damaged")
            log.warning("%s cannot be read (%s); it is set aside as %s", file, error, aside.name)
            file.replace(aside)
    return _opened(file or ":memory:", schema)


def _opened(file: Path | str, schema: str) -> sqlite3.Connection:
    database = sqlite3.connect(file, check_same_thread=False, autocommit=True)
    try:
        database.execute(schema)
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    except sqlite3.DatabaseError:
        with contextlib.suppress(sqlite3.Error):
            database.close()
        raise
    return database
