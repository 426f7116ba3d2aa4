"""The function's package: sources, vendored wheels and their bytecode, built once per set of inputs."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import pulumi
from uv import find_uv_bin

from stack.function.archive import write_zip

PYTHON = (3, 13)  # bytecode of another minor version would be ignored, and its wheels could not be loaded
PLATFORM = "x86_64-manylinux_2_28"  # the platform of Flex Consumption
LOCK = "requirements.lock"
VENDORED = Path(".python_packages/lib/site-packages")  # where the Functions worker looks
KEPT_METADATA = {"METADATA", "entry_points.txt", "licenses", "LICENSE", "LICENSE.txt", "LICENSE.md"}
KEPT_BUILDS = 4
ABANDONED_SECONDS = 3600.0
BUILD_SECONDS = 300.0


class PackageError(pulumi.RunError):
    """The package cannot be built. The message is one line with the reason."""


@dataclass(frozen=True)
class FunctionPackage:
    """A built package in `directory`, the archive's root. The same `sha256` means the same names and bytes."""

    directory: Path
    sha256: str
    files: tuple[str, ...]  # sorted, relative to `directory`

    @classmethod
    def at(cls, directory: Path, sha256: str) -> Self:
        """Return the package in `directory`."""
        return cls(directory, sha256, tuple(_files(directory)))

    @cached_property
    def archive(self) -> pulumi.AssetArchive:
        return pulumi.AssetArchive({name: pulumi.FileAsset(self.directory / name) for name in self.files})

    def write_zip(self, path: Path) -> None:
        """Write the package as a zip. The bytes depend on the content only."""
        write_zip(self.archive, path)


def build_package(source: Path, cache: Path) -> FunctionPackage:
    """Package the Function App in the folder `source`, or return the package that `cache` holds for the same inputs.

    It contains Python modules, host.json, and the wheels that `source`/requirements.lock pins by hash. The same
    sources, lock and Python give the same bytes in any folder. Raises PackageError.
    """
    if sys.version_info[:2] != PYTHON:
        raise PackageError(
            f"the function's package is built by Python {platform.python_version()}; "
            f"allowed: {PYTHON[0]}.{PYTHON[1]}, which the Function App runs"
        )
    for needed in (LOCK, "host.json", "function_app.py"):
        if not (source / needed).is_file():
            raise PackageError(f"{source / needed} is missing; a Function App needs it")
    entry = cache / _key(source)
    if package := _cached(entry):
        os.utime(entry)
        return package
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache, ignore_cleanup_errors=True) as temporary:
        built = Path(temporary) / "entry"
        _build(source, built)
        _publish(built, entry, Path(temporary) / "replaced")
    _prune(cache)
    package = _cached(entry)
    if package is None:
        raise PackageError(f"the function's package in {entry} was changed while it was built; build again")
    return package


def _key(source: Path) -> str:
    """Return a digest of all inputs. This file's content stands for the way of building."""
    digest = hashlib.sha256()
    for part in (sys.implementation.cache_tag, platform.python_version(), PLATFORM):
        digest.update(f"{part}\n".encode())
    for name, file in [
        *((name, source / name) for name in _sources(source)),
        (LOCK, source / LOCK),
        ("builder", Path(__file__)),
    ]:
        digest.update(f"{name}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:24]


def _sources(source: Path) -> list[str]:
    """Return the files to package. Local settings, tests, caches and hidden files stay on the developer's machine."""
    modules = (path.relative_to(source) for path in source.rglob("*.py"))
    left_out = {"tests", "test", "__pycache__"}
    named = (path for path in modules if not any(part in left_out or part.startswith(".") for part in path.parts))
    return sorted(path.as_posix() for path in [*named, Path("host.json")])


def _build(source: Path, entry: Path) -> None:
    """Build the package and its manifest into `entry`."""
    package = entry / "package"
    for name in _sources(source):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, package / name)
    site = package / VENDORED
    install = [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(site)]
    install += ["--python-platform", PLATFORM, "--python-version", f"{PYTHON[0]}.{PYTHON[1]}"]
    install += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--no-compile"]
    install += ["--link-mode", "copy", "--requirements", str(source / LOCK)]
    _run("vendoring its dependencies", install, os.environ)
    _trim(site)
    # Bytecode reduces a cold start to a third. It depends on the number of processes, the order, the hash seed and the
    # paths, which are therefore fixed.
    compile_all = [sys.executable, "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    compile_all += [VENDORED.as_posix()]
    _run("compiling its dependencies", compile_all, {"PYTHONHASHSEED": "0"}, package)
    _check(package)
    manifest = {
        "sha256": _content_hash(package),
        "sizes": {name: (package / name).stat().st_size for name in _files(package)},
    }
    (entry / "manifest.json").write_text(json.dumps(manifest))


def _trim(site: Path) -> None:
    """Remove files that a synchronous function never loads, and files that differ between installations."""
    unused = [site / "bin", site / ".lock", *site.glob("azure/**/aio"), *site.rglob("tests"), *site.rglob("*.pyi")]
    for metadata in site.glob("*.dist-info"):
        unused += [path for path in metadata.iterdir() if path.name not in KEPT_METADATA]
    for path in unused:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _check(package: Path) -> None:
    """Import the package, since on Azure a failing import shows only as an app without functions."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return
    paths = [str(package / VENDORED), str(package)]
    program = f"import sys; sys.path[:0] = {paths!r}; import function_app"
    _run("importing function_app.py from it", [sys.executable, "-B", "-I", "-S", "-c", program], {})


def _run(doing: str, command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PackageError(f"the function's package: {doing} took more than {BUILD_SECONDS:g} s") from None
    if done.returncode:
        raise PackageError(f"the function's package: {doing} failed: {_reason(done.stderr or done.stdout)}")


def _reason(output: str) -> str:
    """Return the reason on one line, from uv's tree or the last line of Python's traceback."""
    lines = [line.strip(" ×│├╰─▶\t") for line in output.splitlines()]
    if output.startswith("Traceback"):
        lines = lines[-1:]
    return " ".join(line for line in lines if line)[:1000] or "no reason given"


def _files(package: Path) -> list[str]:
    return sorted(path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file())


def _content_hash(package: Path) -> str:
    digest = hashlib.sha256()
    for name in _files(package):
        content = (package / name).read_bytes()
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _cached(entry: Path) -> FunctionPackage | None:
    """Return the package in `entry`, or None unless it is complete."""
    try:
        manifest = json.loads((entry / "manifest.json").read_bytes())
        package = FunctionPackage(entry / "package", manifest["sha256"], tuple(manifest["sizes"]))
        whole = all((package.directory / name).stat().st_size == size for name, size in manifest["sizes"].items())
    except (OSError, ValueError, KeyError):
        return None
    return package if whole else None


def _publish(built: Path, entry: Path, replaced: Path) -> None:
    """Publish the build at once. If two builds end together, either serves, since their bytes are the same."""
    if not _cached(entry):
        with suppress(OSError):  # missing, or another process was faster
            entry.rename(replaced)
    try:
        built.rename(entry)
    except OSError:
        if not _cached(entry):
            raise


def _prune(cache: Path) -> None:
    """Remove all but the last used builds and other processes' unfinished ones."""
    building = [path for path in cache.iterdir() if path.name.startswith("building-")]
    finished = sorted(set(cache.iterdir()) - set(building), key=_last_use)
    abandoned = [path for path in building if _last_use(path) < time.time() - ABANDONED_SECONDS]
    for path in finished[:-KEPT_BUILDS] + abandoned:
        shutil.rmtree(path, ignore_errors=True)


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process has just removed it
        return 0.0
