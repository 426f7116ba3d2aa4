import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import loads
from pathlib import Path
from typing import Any, Protocol

import azure.functions
import pytest

from local.events.topic import Notice, Stage
from local.services.azurite import Azurite
from local.services.function_app import FunctionApp


class Eventually(Protocol):
    def __call__(self, condition: Callable[[], object], within: float = 60) -> None: ...


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a condition holds, and fails if it does not within the given seconds."""

    def wait(condition: Callable[[], object], within: float = 60) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, "did not happen in time"
            time.sleep(0.01)

    return wait


@pytest.fixture
def unique() -> str:
    """A name that container, queue and table rules allow."""
    return f"t{uuid.uuid4().hex}"


class Destination:
    """An http endpoint that records events and answers with `statuses` in turn, then always with the last."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.hold: threading.Event | None = None

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        (event,) = loads(body)
        self.events.append(event)
        self.headers.append(headers)
        if self.hold:
            self.hold.wait(10)
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@pytest.fixture
def destination() -> Iterator[Destination]:
    recorder = Destination()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(recorder.take(body, dict(self.headers)))
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        recorder.url = f"http://127.0.0.1:{server.server_port}/functions/f"
        yield recorder
        server.shutdown()
        thread.join()


class Heard:
    """A listener that keeps its notices."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def __call__(self, notice: Notice) -> None:
        self.notices.append(notice)

    def stages(self) -> list[Stage]:
        return [notice.stage for notice in self.notices]

    def has(self, stage: Stage) -> bool:
        return stage in self.stages()

    def last(self, stage: Stage) -> Notice:
        return [notice for notice in self.notices if notice.stage is stage][-1]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def lake(azurite: Azurite) -> str:
    return azurite.endpoints["lake1"].blob


type Running = Callable[..., AbstractContextManager[FunctionApp]]


@pytest.fixture(scope="session")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like that of `pip install --target` for azure-functions."""
    installed = Path(azure.functions.__file__).parents[2]
    packages = tmp_path_factory.mktemp("site-packages")
    for name in ("azure/functions", "werkzeug", "markupsafe"):
        shutil.copytree(installed / name, packages / name)
    return packages


@pytest.fixture
def running(tmp_path: Path, site_packages: Path) -> Running:
    def make(source: str, settings: Mapping[str, str] | None = None) -> FunctionApp:
        (tmp_path / "app" / ".python_packages" / "lib").mkdir(parents=True)
        (tmp_path / "app" / ".python_packages" / "lib" / "site-packages").symlink_to(site_packages)
        (tmp_path / "app" / "function_app.py").write_text(source)
        return FunctionApp(tmp_path / "app", settings or {}, log=tmp_path / "app.log")

    return make
