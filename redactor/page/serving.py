"""Serves the review of videos on this machine until it is stopped."""

import getpass
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from redactor.errors import ConfigurationUnsupported
from redactor.options import Options
from redactor.page.application import PAGE, address, application
from redactor.page.files import Files
from redactor.page.guard import Keys
from redactor.page.reviewed import Reviewed

REASONS: Final = (
    ("consent", "agreed to be shown"),
    ("official", "acts in an official capacity"),
    ("bystander", "is not part of the matter"),
    ("minor", "is a child"),
    ("(b)(6)", "personal privacy (FOIA)"),
    ("(b)(7)(C)", "privacy in law enforcement records (FOIA)"),
)


def serve(
    videos: Sequence[Path], options: Options, reasons: Sequence[tuple[str, str]], *, port: int, browser: bool
) -> None:
    """Serve the review on the loopback interface. Print its address, and open it in the user's browser.

    Raises ConfigurationUnsupported for files that cannot be reviewed.
    """
    if not (PAGE / "index.html").is_file():
        raise ConfigurationUnsupported("the review page is not built; `make setup` builds it")
    files = [Files.of(video.absolute()) for video in videos]
    if twice := [one.folder.name for one in files if sum(one.folder == other.folder for other in files) > 1]:
        raise ConfigurationUnsupported(f"two of the videos would share the folder {twice[0]}")
    for review in files:
        review.make_folder()
        review.lock()  # until the process ends
    listening = _listening(port)
    port = listening.getsockname()[1]
    keys = Keys(port)
    with ThreadPoolExecutor(1, "review") as pool:
        reviewed = [Reviewed(str(number), one, options, pool) for number, one in enumerate(files, 1)]
        for one in reviewed:
            one.prepare()
        following: set[threading.Event] = set()
        app = application(reviewed, keys, port, _user(), reasons, following)
        server = _Server(app, lambda: _stop(reviewed, following))
        link = address(port, keys)
        sys.stdout.write(f"{link}\nThe address works once, in one browser. Ctrl-C ends the review.\n")
        sys.stdout.flush()
        if browser:
            webbrowser.open(link)
        try:
            with suppress(KeyboardInterrupt):
                server.run(sockets=[listening])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            _stop(reviewed, following)


class _Server(uvicorn.Server):
    """Stops the work as soon as a signal arrives, so that no request waits for it."""

    def __init__(self, app: ASGIApp, stop: Callable[[], None]) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=3))
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._stop()


def _stop(reviewed: Sequence[Reviewed], following: set[threading.Event]) -> None:
    for one in reviewed:
        one.stop()
    for event in list(following):
        event.set()


def read_reasons(path: Path) -> tuple[tuple[str, str], ...]:
    """Read reasons, a line for each: a code, a tab or a comma, and what it stands for."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationUnsupported(f"{path}: cannot be read ({error})") from error
    reasons = []
    for number, line in enumerate(lines, 1):
        code, _, text = (part.strip() for part in line.replace("\t", ",", 1).partition(","))
        if code and len(code) <= 256:
            reasons.append((code, text or code))
        elif line.strip():
            raise ConfigurationUnsupported(f"{path.name}: line {number} has no code of 1 to 256 characters")
    return tuple(reasons)


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen()  # the browser may be quicker than the server: its connections wait from now on
    except OSError as error:
        listening.close()
        raise ConfigurationUnsupported(f"port {port} of this machine cannot be used ({error.strerror})") from error
    return listening


def _user() -> str:
    try:
        return getpass.getuser()
    except OSError:
        return "local"
