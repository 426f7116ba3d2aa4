"""The real engine with the substitute for Azure, and the program deployed once for all tests."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from stack.function.package import build_package
from tests.conftest import CLIENT_ID, PRINCIPAL_ID
from tests.engine.azure import Azure, Snapshot
from tests.engine.engine import PROGRAM, Engine, Run, Stack, copy_program, find_engine
from tests.engine.resource_manager import ResourceManager
from tests.engine.storage import AzuriteStorage

ACCOUNTS = [f"account{number}" for number in range(24)]
PACKAGES = Path(".cache/function-package")


@dataclass(frozen=True)
class Place:
    """A checkout of the program with the stacks' state, and the Azure that they are deployed to."""

    folder: Path
    azure: Azure
    engine: Engine

    def set(self, key: str, value: Any) -> None:
        """Change a setting of the stack `dev`."""
        file = self.folder / "Pulumi.dev.yaml"
        stack = yaml.safe_load(file.read_text())
        stack["config"][f"face-redaction:{key}"] = value
        file.write_text(yaml.safe_dump(stack))

    def stack(self, name: str = "dev") -> Stack:
        return self.engine.stack(self.folder, name)


@dataclass(frozen=True)
class Deployed:
    """The stack `dev` after its first `up`."""

    folder: Path
    azure: Snapshot
    preview: Run
    up: Run
    printed: list[str]


@pytest.fixture(scope="session")
def storage(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteStorage]:
    log = tmp_path_factory.mktemp("azurite-of-engine") / "azurite.log"
    with Azurite(ACCOUNTS, certificates, log=log) as azurite:
        yield AzuriteStorage(azurite, ACCOUNTS)


@pytest.fixture(scope="session")
def azure(storage: AzuriteStorage, entra: Entra) -> Azure:
    """An empty Azure."""
    return Azure(storage, tenant_id=entra.tenant_id, deployer_id=PRINCIPAL_ID)


@pytest.fixture(scope="session")
def engine(azure: Azure, certificates: Certificates, entra: Entra) -> Iterator[Engine]:
    """The engine, with a login for the deployer."""
    folder = find_engine()
    if folder is None:
        pytest.skip("pulumi is not installed; .ci/build-pulumi builds it")
    login = {**entra.deployer_environment(CLIENT_ID), **certificates.environment}
    with Engine(folder, azure, login) as running:
        yield running


@pytest.fixture(scope="session")
def resource_manager(azure: Azure, storage: AzuriteStorage, certificates: Certificates) -> Iterator[ResourceManager]:
    with ResourceManager(azure, storage, certificates) as running:
        yield running


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory, resource_manager: ResourceManager) -> Path:
    """The program with the function's package that the real checkout has, and without any state."""
    folder = copy_program(tmp_path_factory.mktemp("engine") / "checkout")
    built = build_package(PROGRAM / "function", PROGRAM / PACKAGES).directory.parent
    (folder / PACKAGES).mkdir(parents=True)
    (folder / PACKAGES / built.name).symlink_to(built)
    for file in folder.glob("Pulumi.*.yaml"):
        stack = yaml.safe_load(file.read_text())
        stack["config"]["face-redaction:resourceManager"] = resource_manager.url
        file.write_text(yaml.safe_dump(stack))
    return folder


@pytest.fixture
def empty(checkout: Path, azure: Azure, engine: Engine, tmp_path: Path) -> Place:
    """Nothing deployed yet."""
    azure.restore(Snapshot({}, {}))
    return Place(shutil.copytree(checkout, tmp_path / "checkout", symlinks=True), azure, engine)


@pytest.fixture(scope="session")
def deployed(checkout: Path, azure: Azure, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    azure.restore(Snapshot({}, {}))
    folder = shutil.copytree(checkout, tmp_path_factory.mktemp("deployed") / "checkout", symlinks=True)
    stack = engine.stack(folder, "dev")
    preview, up = stack.preview(), stack.up()
    return Deployed(folder, azure.snapshot(), preview, up, list(engine.host.printed))


@pytest.fixture
def place(deployed: Deployed, azure: Azure, engine: Engine, tmp_path: Path) -> Place:
    """`dev` deployed, for this test alone."""
    azure.restore(deployed.azure)
    return Place(shutil.copytree(deployed.folder, tmp_path / "checkout", symlinks=True), azure, engine)
