"""A media service on the shared Azurite, deployed as the graph does."""

import asyncio
import io
import ssl
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp.connector
import av
import httpx
import PIL.Image
import pytest
import skimage.data
from azure.mgmt.media import AzureMediaServices

from local.host.certificates import Certificates
from local.services.azurite import Azurite
from local.services.entra import Entra
from mediaservice.settings import ApiSettings, read_api, read_worker
from mediaservice.store.account import open_store
from tests.mediaservice.deployment import (
    GROUP,
    Deployment,
    Pipeline,
    Service,
    deployed,
    serving,
)
from tests.mediaservice.stored import Steps


def pytest_configure(config: pytest.Config) -> None:
    # azure-mgmt-media's generated code uses features that newer Pythons warn about
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:azure.mgmt.media.*")


@pytest.fixture(scope="session")
def deploy(
    azurite: Azurite, entra: Entra, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Deployment]:
    """Creates queues and tables as the graph does, under unique names."""

    def make() -> Deployment:
        return deployed(azurite, entra, certificates, tmp_path_factory.mktemp("mediaservice"))

    return make


@pytest.fixture(scope="session")
def service(deploy: Callable[[], Deployment], entra: Entra) -> Iterator[Service]:
    """One API for all tests that only send requests. Each uses names of its own."""
    with serving(deploy(), entra) as running:
        yield running


@pytest.fixture
def media(service: Service) -> Iterator[AzureMediaServices]:
    with service.client() as client:
        yield client


@pytest.fixture
def rest(service: Service) -> Callable[..., httpx.Response]:
    """Calls below the account with a valid token: `rest("GET", "/assets/x")`."""

    def call(method: str, path: str = "", **options: Any) -> httpx.Response:
        options.setdefault("params", {}).setdefault("api-version", "2022-07-01")
        headers = {"authorization": f"Bearer {service.token()}", **options.pop("headers", {})}
        return service.http.request(method, service.path + path, headers=headers, **options)

    return call


@pytest.fixture
def name() -> str:
    """A unique name."""
    return f"n-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def busy_service(deploy: Callable[[], Deployment], entra: Entra) -> Iterator[Service]:
    """The API for the workers that tests start."""
    with serving(deploy(), entra) as running:
        yield running


@pytest.fixture
def pipeline(busy_service: Service, tmp_path: Path) -> Iterator[Pipeline]:
    stand_in = Path(__file__).with_name("stand_in_engine.py")
    deployment = busy_service.deployment.with_environment(
        ENGINE_COMMAND=f"{sys.executable} {stand_in}", JOB_LEASE_SECONDS="3", TMPDIR=str(tmp_path)
    )
    with busy_service.client() as client:
        made = Pipeline(busy_service, deployment, client, tmp_path)
        for which in ("JOBS_QUEUE", "POISON_QUEUE"):
            with made.queue(which) as queue:
                queue.clear_messages()
        # a waiting job of another test would go first and use the message of this test's job
        account = busy_service.account
        for transform in client.transforms.list(GROUP, account):
            for job in client.jobs.list(GROUP, account, str(transform.name), filter="properties/state eq 'Queued'"):
                client.jobs.cancel_job(GROUP, account, str(transform.name), str(job.name))
        yield made


@pytest.fixture
def settings(service: Service) -> ApiSettings:
    return read_api(service.deployment.environment)


@pytest.fixture(scope="session")
def video() -> bytes:
    """Ten frames of an astronaut who moves a little to the right, 320x240, as mp4."""
    astronaut = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    portrait = PIL.Image.fromarray(astronaut).resize((240, 240))
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for shift in range(10):
            picture = PIL.Image.new("RGB", (320, 240), "gray")
            picture.paste(portrait, (20 + shift, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))  # type: ignore[no-untyped-call]
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
def acting_as(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Callable[[Deployment], None]:
    """Lets this process open the store, with the identity of the deployment."""

    def act(deployment: Deployment) -> None:
        for key, value in deployment.environment.items():
            monkeypatch.setenv(key, value)
        # aiohttp creates its context at import, before the certificates are issued
        context = ssl.create_default_context(cafile=certificates.authority)
        monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", context)

    return act


@pytest.fixture
def in_store(deploy: Callable[[], Deployment], acting_as: Callable[[Deployment], None]) -> Callable[[Steps], None]:
    """Runs its steps on a store of their own."""
    deployment = deploy()
    acting_as(deployment)

    async def run(steps: Steps) -> None:
        async with open_store(read_worker(deployment.environment)) as store:
            await steps(store)

    return lambda steps: asyncio.run(run(steps))
