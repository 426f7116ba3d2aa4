"""Unfinished output beside its destination, which the next run in that folder removes if its process was killed.

A process locks its drafts, and the lock ends with it. So a draft that can be locked is nobody's.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import time
from pathlib import Path

NAME = re.compile(r"\.redactor\.[0-9a-f]{16}\.part")
FRESH_SECONDS = 10.0  # within which another process may have made a draft and not locked it yet


def draft_path(folder: Path) -> Path:
    """Return a name for a draft, and remove from `folder` what killed processes have left."""
    remove_abandoned(folder)
    return folder / f".redactor.{secrets.token_hex(8)}.part"


def hold(draft: Path) -> int:
    """Lock a folder, or a file, which is made. Return the descriptor to close at its end."""
    flags = os.O_RDONLY if draft.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(draft, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    with contextlib.suppress(OSError):  # some network file systems have no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def remove_abandoned(folder: Path) -> None:
    """Remove drafts that no process holds."""
    with contextlib.suppress(OSError):
        for draft in folder.iterdir():
            if NAME.fullmatch(draft.name):
                _remove_if_abandoned(draft)


def _remove_if_abandoned(draft: Path) -> None:
    try:
        descriptor = os.open(draft, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        if time.time() - os.fstat(descriptor).st_mtime < FRESH_SECONDS:
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)
    except OSError:
        return  # another process holds it
    finally:
        os.close(descriptor)
