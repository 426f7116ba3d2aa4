"""Errors in the form of Azure Resource Manager and Media Services: `{"error": {"code", "message"}}`."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from mediaservice.model.query import QueryError
from mediaservice.model.validation import described
from mediaservice.store.errors import NewerSchemaError, TooLargeError

CODES = {404: "NotFound", 405: "MethodNotAllowed", 413: "RequestContentTooLarge"}
MEDIA_TYPE = "application/json; odata.metadata=minimal"
ERROR_TYPE = "application/json; charset=utf-8"
BAD_REQUEST = 400


class Problem(Exception):  # noqa: N818 — it is an answer rather than a failure
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class OdataResponse(JSONResponse):
    media_type = MEDIA_TYPE

    def __init__(
        self,
        content: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        media_type = media_type or (ERROR_TYPE if status_code >= BAD_REQUEST else MEDIA_TYPE)
        super().__init__(content, status_code, headers, media_type, background)

    def render(self, content: Any) -> bytes:
        """Encode, with question marks for halves of surrogate pairs, which a client may have sent as a key."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def not_found(kind: str, name: str) -> Problem:
    return Problem(404, "NotFound", f"The requested resource was not found. There is no {kind} '{name}'.")


def bad_request(message: str) -> Problem:
    return Problem(400, "BadRequest", message)


def body(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def install(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> OdataResponse:
        return OdataResponse(body(error.code, str(error)), error.status)

    @app.exception_handler(QueryError)
    async def query(_: Request, error: QueryError) -> OdataResponse:
        return OdataResponse(body("BadRequest", str(error)), 400)

    @app.exception_handler(TooLargeError)
    async def too_large(_: Request, error: TooLargeError) -> OdataResponse:
        return OdataResponse(body("BadRequest", str(error)), 400)

    @app.exception_handler(NewerSchemaError)
    async def newer_schema(_: Request, __: NewerSchemaError) -> OdataResponse:
        message = "A newer version of the service has written this; it can be changed when that version is deployed."
        return OdataResponse(body("ServiceUnavailable", message), 503)

    @app.exception_handler(RequestValidationError)
    async def request_validation(_: Request, error: RequestValidationError) -> OdataResponse:
        return OdataResponse(body("BadRequest", described(error.errors(), skip=1)), 400)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> OdataResponse:
        code = CODES.get(error.status_code, "BadRequest")
        detail = error.detail
        if error.status_code in (404, 405):
            detail = f"This account does not offer {request.method} {request.url.path}."
        return OdataResponse(body(code, detail), error.status_code)


def failure() -> OdataResponse:
    message = "The service could not process the request; it may be tried again."
    return OdataResponse(body("InternalServerError", message), 500)
