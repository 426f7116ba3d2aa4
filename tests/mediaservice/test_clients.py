"""Clients of other versions and languages, each with packages of its own: clients/ has their programs and locks."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from local.host.certificates import Certificates
from tests.javascript import CACHE, NODE, installed
from tests.mediaservice.deployment import GROUP, SUBSCRIPTION, Service

pytestmark = pytest.mark.installs
CLIENTS = Path(__file__).with_name("clients")
SECONDS = 120


@pytest.fixture
def settings(service: Service, certificates: Certificates, name: str, tmp_path: Path) -> dict[str, str]:
    return {
        "TOKEN": service.token(),
        "NAME": name,
        "GROUP": GROUP,
        "ACCOUNT": service.account,
        "SUBSCRIPTION": SUBSCRIPTION,
        "ENDPOINT": service.url,
        "HOME": str(tmp_path),
        "NODE_EXTRA_CA_CERTS": str(certificates.bundle),
        **certificates.environment,
    }


def python(lock: Path) -> Path:
    """Return the Python of an environment with the locked packages, made once."""
    folder = CACHE / f"{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        work = folder.with_suffix(".partial")
        made = ["venv", "--quiet", "--clear", "--python", sys.executable, str(work)]
        subprocess.run([find_uv_bin(), *made], check=True, capture_output=True)
        install = ["pip", "install", "--quiet", "--require-hashes", "--python", str(work), "--requirements", str(lock)]
        subprocess.run([find_uv_bin(), *install], check=True, capture_output=True)
        work.rename(folder)
    return folder / "bin" / "python"


@pytest.mark.parametrize("version", ["3.1", "10.2"])
def test_the_python_sdk_makes_jobs_lists_and_cancels_them(version: str, settings: dict[str, str]) -> None:
    command = [str(python(CLIENTS / f"python-{version}.lock")), "-W", "ignore", str(CLIENTS / "jobs.py")]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_the_javascript_sdk_makes_jobs_lists_and_cancels_them(settings: dict[str, str]) -> None:
    done = subprocess.run(
        [NODE, "jobs.js"],
        cwd=installed(CLIENTS),
        env=settings,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
