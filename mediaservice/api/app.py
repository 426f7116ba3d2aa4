"""The application, and the process that serves it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import uvicorn
from fastapi import Depends, FastAPI, Security
from fastapi.middleware import Middleware
from fastapi.responses import JSONResponse

from mediaservice import logs, telemetry
from mediaservice.api.contract import problems
from mediaservice.api.contract.document import BEARER, FAILURES
from mediaservice.api.contract.problems import OdataResponse
from mediaservice.api.contract.scope import api_version, known_account
from mediaservice.api.http_protocol import UNFINISHED_BYTES, HttpProtocol
from mediaservice.api.middleware.auth import DOCUMENT, Authentication
from mediaservice.api.middleware.readiness import Readiness
from mediaservice.api.middleware.requests import HEALTH, READY, Requests
from mediaservice.api.middleware.signing_keys import SigningKeys
from mediaservice.api.middleware.size_limit import SizeLimit
from mediaservice.api.middleware.tracing import Tracing
from mediaservice.api.routes import accounts, assets, documentation, jobs, transforms
from mediaservice.settings import ApiSettings
from redactor.version import __version__

if TYPE_CHECKING:
    from mediaservice.store.account import Store

GRACE_SECONDS = 10
EXPIRY_SECONDS = 3600
# Longer than the ingress keeps an idle connection, so that no request arrives on one that is being closed here.
IDLE_SECONDS = 300
log = logging.getLogger(__name__)


def create(settings: ApiSettings) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with telemetry.sent(settings.telemetry, settings.storage.client_id, "api"):
            opened: asyncio.Future[Store] = asyncio.get_running_loop().create_future()
            app.state.store = opened
            keeping = asyncio.create_task(_keep_store(settings, opened))
            yield
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    keys = SigningKeys(settings.tokens.keys_url)
    app = FastAPI(
        title="Media Services account",
        version="2023-01-01",
        description=f"The Media Services v3 REST API, served by redactor {__version__}.",
        lifespan=lifespan,
        default_response_class=OdataResponse,
        openapi_url=DOCUMENT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would lead to http, which is what this process speaks
        responses=FAILURES,
        middleware=[
            Middleware(Requests),
            *([Middleware(Tracing)] if settings.telemetry else []),
            Middleware(SizeLimit),
            Middleware(Authentication, tokens=settings.tokens, keys=keys),
        ],
    )
    app.state.settings = settings
    problems.install(app)
    documentation.install(app)
    for room in (accounts, assets, transforms, jobs):
        app.include_router(room.router, dependencies=[Depends(api_version), Depends(known_account), Security(BEARER)])

    readiness = Readiness(keys)

    @app.get(HEALTH, include_in_schema=False)
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.get(READY, include_in_schema=False)
    async def ready() -> JSONResponse:
        missing = await readiness.missing(app.state.store)
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, 503)
        return JSONResponse({"status": "ready"})

    return app


async def _keep_store(settings: ApiSettings, opened: "asyncio.Future[Store]") -> None:
    """Open the store in the background, since its SDKs take a second to import, and sweep it regularly."""
    try:
        await asyncio.to_thread(__import__, "mediaservice.store.sweep")
        from mediaservice.store.account import open_store
        from mediaservice.store.expiry import expire
        from mediaservice.store.orphans import ORPHAN_SECONDS, remove_orphans
        from mediaservice.store.overdue import EVENT_SECONDS, publish_overdue
        from mediaservice.store.sweep import SWEEP_SECONDS, sweep

        async with open_store(settings) as store:
            opened.set_result(store)
            chores = (
                _regularly(sweep, store, SWEEP_SECONDS),
                _regularly(expire, store, EXPIRY_SECONDS),
                _regularly(publish_overdue, store, EVENT_SECONDS),
                _regularly(remove_orphans, store, ORPHAN_SECONDS),
            )
            await asyncio.gather(*chores)
    except Exception as error:
        if not opened.done():
            opened.set_exception(error)
        raise


async def _regularly(chore: "Callable[[Store], Awaitable[int]]", store: "Store", seconds: float) -> None:
    while True:
        try:
            await chore(store)
        except Exception:
            log.exception("%s failed; it will be tried again", chore.__name__)
        await asyncio.sleep(seconds)


def serve(settings: ApiSettings) -> None:
    """Serve plain http on HOST and PORT. TLS ends at the ingress in front of the container."""
    logs.configure()
    config = uvicorn.Config(
        create(settings),
        host=settings.host,
        port=settings.port,
        http=HttpProtocol,
        h11_max_incomplete_event_size=UNFINISHED_BYTES,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    uvicorn.Server(config).run()
