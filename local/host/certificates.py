"""TLS for the local cloud: a certificate authority, and one certificate for the loopback addresses."""

import os
import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import certifi
import trustme

HOSTS = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Certificates:
    """PEM files. `bundle` holds the public authorities and ours, `authority` ours alone."""

    authority: Path
    bundle: Path
    certificate: Path
    key: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a child process's clients (requests, httpx, aiohttp, ssl) trust the local cloud."""
        return {"REQUESTS_CA_BUNDLE": str(self.bundle), "SSL_CERT_FILE": str(self.bundle)}

    @cached_property
    def server_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    @cached_property
    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)


def issue(folder: Path) -> Certificates:
    """Write a new authority and server certificate into `folder`. The authority's key is not kept."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Certificates(
        authority=folder / "authority.pem",
        bundle=folder / "bundle.pem",
        certificate=folder / "certificate.pem",
        key=folder / "key.pem",
    )
    authority = trustme.CA(organization_name="Local cloud")
    server = authority.issue_cert(*HOSTS)
    authority.cert_pem.write_to_path(files.authority)
    files.certificate.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    files.key.touch(mode=0o600)
    server.private_key_pem.write_to_path(files.key)
    files.bundle.write_bytes(public_authorities().read_bytes() + b"\n" + authority.cert_pem.bytes())
    return files


def public_authorities() -> Path:
    """Return the authorities that this machine is configured to trust, such as a company proxy's, else certifi's."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        configured = Path(os.environ.get(name, ""))
        if configured.is_file():
            return configured
    return Path(certifi.where())
