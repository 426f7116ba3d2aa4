"""Tiers and turns of all tests, and the real local cloud's foundations, started once in each worker that needs them."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from xdist.remote import Producer

from local.host import certificates as tls
from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests import tiers
from tests.workers import ByFile, turn

LAKE = "lake1"
MEDIA = "media1"
CLIENT_ID = "11111111-1111-4111-8111-111111111111"
PRINCIPAL_ID = "22222222-2222-4222-8222-222222222222"
MEDIA_AUDIENCE = "api://media"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-videos", type=Path, metavar="FOLDER", help="copy the videos that tests give the engine, for a corpus"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tiers.mark(item)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test marked `alone` runs while the other workers wait."""
    beside_others = "PYTEST_XDIST_WORKER" in os.environ
    alone = item.get_closest_marker("alone") is not None
    with turn(item.config.cache.mkdir("turns"), alone=alone) if beside_others else nullcontext():
        return (yield)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificates]:
    """Certificates that all clients in this process trust."""
    issued = tls.issue(tmp_path_factory.mktemp("certificates"))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in issued.environment.items():
            environment.setenv(name, value)
        yield issued


@pytest.fixture(scope="session")
def azurite(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Empty accounts `lake1` and `media1` in memory; tests share them, so each uses names of its own."""
    log: Path = tmp_path_factory.mktemp("azurite") / "azurite.log"
    with Azurite([LAKE, MEDIA], certificates, log=log) as running:
        yield running


@pytest.fixture(scope="session")
def entra(certificates: Certificates) -> Iterator[Entra]:
    """One managed identity, which holds Media.ReadWrite on `api://media`, as does the developer."""
    with Entra(
        certificates,
        identities={CLIENT_ID: PRINCIPAL_ID},
        api_roles={MEDIA_AUDIENCE: {PRINCIPAL_ID: ["Media.ReadWrite"]}},
    ) as running:
        running.grant(MEDIA_AUDIENCE, running.developer_id, ["Media.ReadWrite"])
        yield running
