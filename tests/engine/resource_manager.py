"""What the program itself asks of Azure Resource Manager, past its providers: where to upload an image's sources."""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from local.host.certificates import Certificates
from tests.engine.storage import AzuriteStorage


class ResourceManager:
    """Serves at `url` from `with` until its end; refuses requests without a token."""

    def __init__(self, storage: AzuriteStorage, certificates: Certificates) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.path.partition("?")[0].endswith("/listBuildSourceUploadUrl")
                if not asked or not self.headers.get("Authorization", "").startswith("Bearer "):
                    self.send_error(HTTPStatus.NOT_FOUND if not asked else HTTPStatus.UNAUTHORIZED)
                    return
                url, location = storage.new_sources()
                body = json.dumps({"uploadUrl": url, "relativePath": location}).encode()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = certificates.server_context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
