"""The page that shows the OpenAPI document. This process serves all of its files.

People enter their tokens into it, so it must not run third parties' scripts. It also works in a closed network.
"""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

from mediaservice.api.middleware.auth import DOCUMENT, DOCUMENTATION, SCRIPT, STYLE

FILES = Path(fastapi_offline.__file__).parent / "static"
POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


def install(app: FastAPI) -> None:
    @app.get(DOCUMENTATION, include_in_schema=False)
    async def page() -> HTMLResponse:
        shown = get_swagger_ui_html(
            openapi_url=DOCUMENT,
            title=app.title,
            swagger_js_url=SCRIPT,
            swagger_css_url=STYLE,
            swagger_favicon_url="data:,",
        )
        shown.headers["content-security-policy"] = POLICY
        return shown

    @app.get(SCRIPT, include_in_schema=False)
    async def script() -> FileResponse:
        return FileResponse(FILES / "swagger-ui-bundle.js")

    @app.get(STYLE, include_in_schema=False)
    async def style() -> FileResponse:
        return FileResponse(FILES / "swagger-ui.css")
