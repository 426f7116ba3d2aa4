"""TLS for the local cloud: an authority of its own and one certificate for the loopback addresses."""

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
    """PEM files: `bundle` trusts the public authorities and ours, `authority` ours alone."""

    authority: Path
    bundle: Path
    certificate: Path
    key: Path

    @property
    def environment(self) -> dict[str, str]:
        """Makes a child process's clients (requests, httpx, aiohttp, ssl) trust the local cloud."""
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
    """A fresh authority and server certificate, written into `folder`; the authority's key is not kept."""
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
    """What this machine is told to trust (behind a company's proxy, say), else certifi's list."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        told = Path(os.environ.get(name, ""))
        if told.is_file():
            return told
    return Path(certifi.where())
