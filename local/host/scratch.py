"""A temporary folder that is removed with its process, or at the latest when the next one starts."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PREFIX = "local-cloud-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder for this process until the end of the `with`.

    Folders of killed processes are removed first, since they hold keys and perhaps videos.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as own:
        yield Path(own)
