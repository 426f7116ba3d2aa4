"""Unfinished output beside its destination. If its process is killed, the next run in the folder removes it.

A process locks its drafts, and the lock ends with the process. So a draft without a lock is abandoned.
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
FRESH_SECONDS = 10.0  # age up to which another process may not have locked its draft yet


def draft_path(folder: Path) -> Path:
    """Return a path for a draft. Remove abandoned drafts from `folder`."""
    remove_abandoned(folder)
    return folder / f".redactor.{secrets.token_hex(8)}.part"


def hold(draft: Path) -> int:
    """Lock a folder, or a file, which is created. Return the descriptor; closing it ends the lock."""
    flags = os.O_RDONLY if draft.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(draft, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    with contextlib.suppress(OSError):  # some network file systems have no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def remove_abandoned(folder: Path) -> None:
    """Remove drafts without a lock."""
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
