import socket
import ssl
import threading
from pathlib import Path

import certifi
import pytest

from local.host import certificates as tls
from local.host.certificates import Certificates


def test_a_client_with_the_bundle_accepts_the_server_by_address_and_by_name(
    certificates: Certificates,
) -> None:
    client = ssl.create_default_context(cafile=certificates.bundle)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with certificates.server_context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        for host in ("127.0.0.1", "localhost"):
            with (
                socket.create_connection(listener.getsockname()) as plain,
                client.wrap_socket(plain, server_hostname=host) as secured,
            ):
                secured.send(b".")
        thread.join(5)
        assert not thread.is_alive()


def test_public_authorities_stay_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    issued = tls.issue(tmp_path)
    public = ssl.create_default_context(cafile=certifi.where()).get_ca_certs()
    trusted = ssl.create_default_context(cafile=issued.bundle).get_ca_certs()
    assert all(authority in trusted for authority in public)
    assert len(trusted) == len(public) + 1


def test_the_machines_configured_authorities_come_before_certifi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = tls.issue(tmp_path / "company")
    monkeypatch.setenv("SSL_CERT_FILE", str(company.authority))
    issued = tls.issue(tmp_path / "ours")
    subjects = [authority["subject"] for authority in ssl.create_default_context(cafile=issued.bundle).get_ca_certs()]
    assert len(subjects) == 2


def test_the_key_is_readable_by_its_owner_only(certificates: Certificates) -> None:
    assert certificates.key.stat().st_mode & 0o077 == 0
