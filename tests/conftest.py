"""The real local cloud's foundations, started once for all tests that ask for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.host import certificates as tls
from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra

LAKE = "lake1"
MEDIA = "media1"
CLIENT_ID = "11111111-1111-4111-8111-111111111111"
PRINCIPAL_ID = "22222222-2222-4222-8222-222222222222"
MEDIA_AUDIENCE = "api://media"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificates]:
    """Issued, and trusted by every client in this process."""
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
