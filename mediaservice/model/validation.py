"""pydantic's findings on one line, with the path as in the request."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError


def problem(error: ValidationError) -> str:
    """Return the first finding as `path: message`."""
    return described(error.errors(include_url=False, include_input=False, include_context=False))


def described(findings: Sequence[Any], skip: int = 0) -> str:
    """Describe the first of `findings`, without the first `skip` parts of its path."""
    first = findings[0]
    path = written(first["loc"][skip:])
    message = first["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message


def written(location: Iterable[str | int]) -> str:
    """Format a path such as `properties.outputs[0].label`, without the choices of unions by @odata.type."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("#"):
            path += f".{part}" if path else part
    return path
