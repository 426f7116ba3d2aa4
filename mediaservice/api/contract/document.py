"""What the OpenAPI document says of every operation: how it fails, and the token that it wants."""

from typing import Any

from fastapi.security import HTTPBearer
from pydantic import BaseModel

# Tokens are checked before a route is found (see mediaservice.api.middleware.auth); this one only describes them.
BEARER = HTTPBearer(description="Issued by the tenant for this account's audience.", auto_error=False)


class ErrorBody(BaseModel):
    code: str
    message: str


class ErrorAnswer(BaseModel):
    error: ErrorBody


def _failure(description: str) -> dict[str, Any]:
    return {"model": ErrorAnswer, "description": description}


FAILURES: dict[int | str, dict[str, Any]] = {
    400: _failure("What was sent is not allowed; the message names it."),
    401: _failure("The token is missing, expired or not for this account."),
    403: _failure("The token lacks the app role, or the account is full."),
    404: _failure("Not found."),
    409: _failure("The name is taken, or somebody else has just changed the same."),
    413: _failure("The request's body is too large."),
    431: _failure("The request's headers are too large."),
    503: _failure("Not now; try again."),
}

MADE: dict[int | str, dict[str, Any]] = {201: {"description": "Made; 200 when it was there and has been updated."}}
GONE: dict[int | str, dict[str, Any]] = {204: {"description": "It was not there."}}
