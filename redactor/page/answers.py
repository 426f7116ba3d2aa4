"""Answers of the API: JSON, and errors as {"error": {"message"}}."""

from typing import Any

from starlette.responses import JSONResponse


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(content, status, {"Cache-Control": "no-store"} | (headers or {}))


def failure(status: int, message: str) -> JSONResponse:
    return answer({"error": {"message": message}}, status)
