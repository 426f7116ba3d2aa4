"""The parts of the OpenAPI document that all operations share: failures, and the required token."""

from typing import Any

from fastapi.security import HTTPBearer
from pydantic import BaseModel

# Tokens are checked before routing, by mediaservice.api.middleware.auth. This only describes them.
BEARER = HTTPBearer(description="Issued by the tenant for this account's audience.", auto_error=False)


class ErrorBody(BaseModel):
    code: str
    message: str


class ErrorAnswer(BaseModel):
    error: ErrorBody


def _failure(description: str) -> dict[str, Any]:
    return {"model": ErrorAnswer, "description": description}


FAILURES: dict[int | str, dict[str, Any]] = {
    400: _failure("The request is not allowed; the message names the reason."),
    401: _failure("The token is missing, expired or not for this account."),
    403: _failure("The token lacks the app role, or the account is full."),
    404: _failure("Not found."),
    409: _failure("The name is taken, or another client has just changed the same resource."),
    413: _failure("The request's body is too large."),
    431: _failure("The request's headers are too large."),
    503: _failure("Not available now; try again."),
}

MADE: dict[int | str, dict[str, Any]] = {201: {"description": "Created; 200 if it existed and has been updated."}}
GONE: dict[int | str, dict[str, Any]] = {204: {"description": "It did not exist."}}
