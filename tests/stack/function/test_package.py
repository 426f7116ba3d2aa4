"""Builds of the package use the real uv, which installs from its cache or downloads once."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulumi
import pytest

from stack.function import package
from stack.function.package import FunctionPackage, PackageError, build_package

pytestmark = pytest.mark.installs

PROJECT = Path(__file__).parents[3]
FUNCTION = PROJECT / "function"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> FunctionPackage:
    """The real function's package."""
    return build_package(FUNCTION, tmp_path_factory.mktemp("built") / "cache")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Function App with one small dependency, quick to build."""
    folder = tmp_path / "function"
    folder.mkdir()
    lock = (FUNCTION / "requirements.lock").read_text()
    idna = re.search(r"^idna==.*?(?=^\S)", lock, re.MULTILINE | re.DOTALL)
    assert idna
    (folder / "requirements.lock").write_text(idna[0])
    (folder / "function_app.py").write_text("import idna\n")
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)(?:\[\w+\])?==([\w.]+)", path.read_text(), re.MULTILINE))


def test_the_same_inputs_make_the_same_bytes_in_any_folder(built: FunctionPackage, tmp_path: Path) -> None:
    checkout = tmp_path / "another" / "check out" / "function"
    shutil.copytree(FUNCTION, checkout)
    second = build_package(checkout, tmp_path / "another" / "cache")
    assert second.sha256 == built.sha256
    built.write_zip(tmp_path / "first.zip")
    second.write_zip(tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_the_archive_s_root_is_the_function_app(built: FunctionPackage, tmp_path: Path) -> None:
    assert {"host.json", "function_app.py", "trigger/media.py"} <= built.archive.assets.keys()
    assert all(
        isinstance(asset, pulumi.FileAsset) and Path(asset.path).is_file() for asset in built.archive.assets.values()
    )
    built.write_zip(tmp_path / "released-package.zip")
    with zipfile.ZipFile(tmp_path / "released-package.zip") as archive:
        assert archive.namelist() == sorted(built.archive.assets)
        assert json.loads(archive.read("host.json"))["version"] == "2.0"


def test_the_function_runs_from_the_package_alone(built: FunctionPackage) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; import function_app; "
        "print(function_app.app.get_functions()[0].get_function_name())"
    )
    site = built.directory / package.VENDORED
    command = [sys.executable, "-B", "-I", "-S", "-c", program, str(site), str(built.directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    assert done.stdout.split() == ["redact_on_upload"]


def test_every_vendored_module_has_bytecode_that_is_not_checked_against_its_source(
    built: FunctionPackage,
) -> None:
    modules = [Path(name) for name in built.files if name.startswith(".python_packages/") and name.endswith(".py")]
    assert len(modules) > 500
    for module in modules:
        bytecode = built.directory / module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        flags = int.from_bytes(bytecode.read_bytes()[4:8], "little")
        assert flags == 0b01, module  # PEP 552: hash-based, unchecked


def test_nothing_in_the_package_names_the_machine_it_was_built_on(built: FunctionPackage) -> None:
    here = {str(PROJECT).encode(), str(built.directory).encode(), sys.prefix.encode()}
    for name in built.files:
        content = (built.directory / name).read_bytes()
        assert not any(place in content for place in here), name


def test_what_a_developer_keeps_beside_the_function_stays_there(source: Path, cache: Path) -> None:
    before = build_package(source, cache)
    for name in (
        "local.settings.json",
        ".env",
        "tests/test_function_app.py",
        "__pycache__/function_app.cpython-313.pyc",
        ".venv/lib/secret.py",
        "notes.txt",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("secret")
    assert build_package(source, cache) == before
    own = {name for name in before.files if not name.startswith(".python_packages/")}
    assert own == {"function_app.py", "host.json"}


def test_a_second_build_of_the_same_inputs_starts_nothing(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_package(source, cache)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_kwargs: pytest.fail("a process was started"))
    assert build_package(source, cache) == first


@pytest.mark.parametrize("name", ["function_app.py", "host.json"])
def test_a_changed_input_makes_another_package(source: Path, cache: Path, name: str) -> None:
    first = build_package(source, cache)
    (source / name).write_text((source / name).read_text() + "\n")
    second = build_package(source, cache)
    assert second.sha256 != first.sha256
    assert second.directory != first.directory


def test_a_damaged_build_is_made_again(source: Path, cache: Path) -> None:
    first = build_package(source, cache)
    (first.directory / "host.json").unlink()
    again = build_package(source, cache)
    assert again == first
    assert (again.directory / "host.json").is_file()


def test_builds_at_the_same_time_agree(source: Path, cache: Path) -> None:
    with ThreadPoolExecutor() as pool:
        builds = list(pool.map(lambda _: build_package(source, cache), range(3)))
    assert builds[0] == builds[1] == builds[2]
    assert [path.name for path in cache.iterdir()] == [builds[0].directory.parent.name]


def test_old_builds_are_cleared_away_and_unfinished_ones_of_others_are_not(source: Path, cache: Path) -> None:
    for name in ("building-now", *(f"old{i}" for i in range(package.KEPT_BUILDS + 2))):
        (cache / name).mkdir(parents=True)
    latest = build_package(source, cache)
    left = {path.name for path in cache.iterdir()}
    assert {"building-now", latest.directory.parent.name} <= left
    assert len(left) == package.KEPT_BUILDS + 1


def one_line(error: pytest.ExceptionInfo[PackageError]) -> str:
    line = str(error.value)
    assert "\n" not in line
    return line


def test_a_dependency_that_cannot_be_had_is_named(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    (source / "requirements.lock").write_text(f"idna==0.0.7 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(PackageError) as error:
        build_package(source, cache)
    assert re.match(r"the function's package: vendoring its dependencies failed: .*idna==0\.0\.7", one_line(error))
    assert list(cache.iterdir()) == []


def test_a_dependency_with_other_bytes_than_locked_is_refused(source: Path, cache: Path) -> None:
    lock = source / "requirements.lock"
    lock.write_text(re.sub(r"sha256:\w{64}", f"sha256:{'0' * 64}", lock.read_text()))
    with pytest.raises(PackageError, match=r"(?i)hash mismatch"):
        build_package(source, cache)


def test_a_function_that_cannot_be_imported_is_not_packaged(source: Path, cache: Path) -> None:
    (source / "function_app.py").write_text("import not_vendored\n")
    with pytest.raises(PackageError) as error:
        build_package(source, cache)
    assert one_line(error).endswith("ModuleNotFoundError: No module named 'not_vendored'")
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("name", ["host.json", "function_app.py", "requirements.lock"])
def test_a_missing_file_is_named(source: Path, cache: Path, name: str) -> None:
    (source / name).unlink()
    with pytest.raises(PackageError, match=f"{re.escape(name)} is missing"):
        build_package(source, cache)


def test_another_python_is_refused(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    with pytest.raises(PackageError, match=r"allowed: 3\.13"):
        build_package(source, cache)


def test_the_function_s_lock_is_the_project_s(built: FunctionPackage) -> None:
    locked = pins(FUNCTION / "requirements.lock")
    assert pins(FUNCTION / "requirements.txt").items() <= locked.items()
    assert locked.items() <= pins(PROJECT / "requirements.lock").items()
