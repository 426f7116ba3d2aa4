"""Inputs by https, from a real server on this machine: permitted hosts, sizes, failures."""

import asyncio
import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from local.host.certificates import Certificates
from mediaservice.model.errors import ErrorCode, JobFailedError
from mediaservice.model.jobs import HttpInput
from mediaservice.model.sources import File
from mediaservice.settings import Inputs
from mediaservice.store.account import Store
from mediaservice.worker.disk import MOST_BYTES, Disk
from mediaservice.worker.transfer import download as module
from mediaservice.worker.transfer.download import download
from mediaservice.worker.transfer.hosts import RefusedHostError, checked_addresses
from tests.https import https_server

LOCALHOST = Inputs(own=("127.0.0.1", 1), hosts=("localhost",), max_bytes=1000, timeout_seconds=20)
PUBLIC = replace(LOCALHOST, hosts=())


@dataclass
class Host:
    port: int
    never: threading.Event  # blocks requests that must stay unanswered
    requests: list[tuple[str, str]] = field(default_factory=list)  # path, Host header

    def url(self, path: str, name: str = "localhost") -> str:
        return f"https://{name}:{self.port}{path}?sig=secret"


@pytest.fixture
def host(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    monkeypatch.setattr(module, "BACKOFF_SECONDS", 0)
    never = threading.Event()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            known.requests.append((path, self.headers["host"]))
            if path == "/redirect":
                self.send_response(302)
                self.send_header("location", known.url("/video"))
            elif path == "/precondition":
                self.send_response(412)
            else:
                self.send_response(200)
            body = b"x" * (5000 if path == "/large" else 100)
            missing = path in ("/short", "/slow")
            if path != "/endless":
                self.send_header("content-length", str(len(body) + missing))
            if path == "/compressed":
                self.send_header("content-encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)
            if path == "/slow":
                never.wait(20)

        def log_message(self, *_: object) -> None:
            pass

    with https_server(Answers, certificates) as port:
        known = Host(port, never)
        yield known
        never.set()


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., bytes]:
    def fetch(inputs: Inputs, url: str, disk: int = 0, version: str | None = None) -> bytes:
        file = File(HttpInput(url), "video")
        target = tmp_path / "input"
        # a download by https does not use the store
        asyncio.run(download(cast(Store, None), inputs, file, target, Disk(tmp_path, disk), version))
        return target.read_bytes()

    return fetch


def failure(fetch: Callable[..., bytes], inputs: Inputs, url: str) -> tuple[ErrorCode, str]:
    with pytest.raises(JobFailedError) as failed:
        fetch(inputs, url)
    assert "secret" not in str(failed.value)
    return failed.value.error.code, failed.value.error.message


def test_a_listed_host_is_reached_at_a_private_address(host: Host, fetch: Callable[..., bytes]) -> None:
    assert fetch(LOCALHOST, host.url("/video%20%C3%BC")) == b"x" * 100
    assert host.requests == [("/video%20%C3%BC", f"localhost:{host.port}")]


def test_the_accounts_own_storage_is_reached_wherever_it_is(host: Host, fetch: Callable[..., bytes]) -> None:
    own = replace(PUBLIC, own=("127.0.0.1", host.port))
    assert fetch(own, host.url("/video", "127.0.0.1"))
    code, _ = failure(fetch, own, host.url("/video", "localhost"))
    assert code is ErrorCode.DOWNLOAD_NOT_ACCESSIBLE


def test_without_a_list_private_addresses_are_refused(host: Host, fetch: Callable[..., bytes]) -> None:
    code, message = failure(fetch, PUBLIC, host.url("/video"))
    assert code is ErrorCode.DOWNLOAD_NOT_ACCESSIBLE
    assert message == "The input was not downloaded: its host 'localhost' has an address that is not public."
    assert host.requests == []


def test_hosts_that_are_not_listed_are_refused(host: Host, fetch: Callable[..., bytes]) -> None:
    listed = replace(LOCALHOST, hosts=("host", "blob.core.windows.net"))
    code, message = failure(fetch, listed, host.url("/video"))
    assert code is ErrorCode.DOWNLOAD_NOT_ACCESSIBLE
    assert "not one that this account takes inputs from" in message
    assert host.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(
    host: Host, fetch: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, asked = socket.getaddrinfo, []

    def once(name: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(name)
        return resolve("127.0.0.1" if asked.count("localhost") == 1 else "127.0.0.9", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    assert fetch(LOCALHOST, host.url("/video"))
    assert asked.count("localhost") == 1


def test_redirects_are_not_followed(host: Host, fetch: Callable[..., bytes]) -> None:
    code, message = failure(fetch, LOCALHOST, host.url("/redirect"))
    assert (code, "302" in message) == (ErrorCode.DOWNLOAD_NOT_ACCESSIBLE, True)
    assert [path for path, _ in host.requests] == ["/redirect"]


def test_a_failed_condition_without_a_version_is_an_answer_like_any_other(
    host: Host, fetch: Callable[..., bytes]
) -> None:
    code, message = failure(fetch, LOCALHOST, host.url("/precondition"))
    assert code is ErrorCode.DOWNLOAD_NOT_ACCESSIBLE
    assert message == "The input could not be downloaded: its host answered 412 Precondition Failed."


def test_an_input_that_is_too_large_is_refused(host: Host, fetch: Callable[..., bytes]) -> None:
    assert failure(fetch, LOCALHOST, host.url("/large")) == (
        ErrorCode.CONTENT_UNSUPPORTED,
        "The input is larger than 1,000 bytes.",
    )


def test_an_input_that_the_disk_does_not_hold_is_refused_by_its_length_before_it_is_written(
    host: Host, fetch: Callable[..., bytes], tmp_path: Path
) -> None:
    code, message = failure(partial(fetch, disk=100), LOCALHOST, host.url("/video"))
    assert code is ErrorCode.CONTENT_UNSUPPORTED
    assert message == (
        "The input has 100 bytes; the worker's disk holds 95 bytes: "
        "a worker with more than one core has more (workerCpu)."
    )
    assert list(tmp_path.iterdir()) == []


def test_on_the_largest_disk_the_remedy_is_another_one(tmp_path: Path) -> None:
    refusal = Disk(tmp_path, MOST_BYTES).refusal("The input has 9 bytes", ErrorCode.CONTENT_UNSUPPORTED)
    assert refusal.error.message.endswith("give it in parts, or with a lower bit rate.")


def test_an_input_that_ends_early_is_tried_again_and_never_taken_for_whole(
    host: Host, fetch: Callable[..., bytes], tmp_path: Path
) -> None:
    code, _ = failure(fetch, LOCALHOST, host.url("/short"))
    assert (code, len(host.requests)) == (ErrorCode.DOWNLOAD_TRANSIENT_ERROR, 3)
    assert not (tmp_path / "input").exists()  # the job's next output would use it as the input


@pytest.mark.parametrize("path", ["/endless", "/compressed"])
def test_an_input_whose_length_cannot_be_checked_is_refused(host: Host, fetch: Callable[..., bytes], path: str) -> None:
    code, _ = failure(fetch, LOCALHOST, host.url(path))
    assert code is ErrorCode.DOWNLOAD_NOT_ACCESSIBLE


def test_a_download_that_takes_too_long_ends(host: Host, fetch: Callable[..., bytes]) -> None:
    hasty = replace(LOCALHOST, timeout_seconds=1)
    code, message = failure(fetch, hasty, host.url("/slow"))
    assert (code, "longer than 1 s" in message) == (ErrorCode.DOWNLOAD_TRANSIENT_ERROR, True)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "0.0.0.0", "100.64.0.1", "224.0.0.1"),
        *("169.254.169.254", "168.63.129.16", "2130706433", "0x7f.1"),
        *("::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "2002:a00:1::"),
        *("::127.0.0.1", "::ffff:0:7f00:1", "fec0::1", "64:ff9b:1::a9fe:a9fe", "::", "ff02::1", "100::1", "5f00::1"),
        *("2001::1", "2001:db8::1", "3fff::1", "4000::1", "2603:1030:401::5efe:a9fe:a9fe", "2603:1030::200:5efe:a00:1"),
    ],
)
def test_addresses_of_this_network_and_of_the_platform_are_not_public(address: str) -> None:
    with pytest.raises(RefusedHostError):
        asyncio.run(checked_addresses(PUBLIC, address, 443))


@pytest.mark.parametrize("address", ["20.60.1.1", "2603:1030:401::1", "2a00:1450:4001::200e"])
def test_other_addresses_are_public(address: str) -> None:
    assert asyncio.run(checked_addresses(PUBLIC, address, 443)) == [address]


def test_what_is_listed_stands_for_the_names_below_it_and_no_others() -> None:
    listed = replace(LOCALHOST, hosts=("localhost",))
    assert asyncio.run(checked_addresses(listed, "LocalHost", 443))
    with pytest.raises(RefusedHostError):
        asyncio.run(checked_addresses(listed, "notlocalhost", 443))
