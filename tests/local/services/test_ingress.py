import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from local.host.certificates import Certificates
from local.services.ingress import Ingress


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(f"{self.headers['Host']} {self.path}".encode())

    def do_PUT(self) -> None:
        digest = hashlib.sha256()
        left = int(self.headers["Content-Length"])
        while left:
            chunk = self.rfile.read(min(left, 65_536))
            digest.update(chunk)
            left -= len(chunk)
        self.answer(digest.hexdigest().encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def application() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def client(certificates: Certificates) -> Iterator[httpx.Client]:
    with httpx.Client(verify=certificates.client_context, timeout=10) as client:
        yield client


def test_the_application_sees_the_clients_host_and_path(
    application: int, certificates: Certificates, client: httpx.Client
) -> None:
    with Ingress(application, certificates) as ingress:
        answer = client.get(f"{ingress.url}/a?b=%20c")
        assert answer.text == f"{ingress.url.removeprefix('https://')} /a?b=%20c"


def test_large_bodies_pass_unchanged_on_one_connection(
    application: int, certificates: Certificates, client: httpx.Client
) -> None:
    body = os.urandom(20_000_000)
    with Ingress(application, certificates) as ingress:
        for _ in range(2):
            assert client.put(ingress.url, content=body).text == hashlib.sha256(body).hexdigest()


def test_without_an_application_it_answers_503(certificates: Certificates, client: httpx.Client) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with Ingress(reserved.getsockname()[1], certificates) as ingress:
            assert client.get(ingress.url).status_code == 503


def test_plain_http_is_not_served(application: int, certificates: Certificates) -> None:
    with Ingress(application, certificates) as ingress, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(ingress.url.replace("https", "http"))


def test_closing_ends_open_connections(application: int, certificates: Certificates, client: httpx.Client) -> None:
    with Ingress(application, certificates) as ingress:
        url = ingress.url
        assert client.get(url).status_code == 200
    with pytest.raises(httpx.TransportError):
        client.get(url)
