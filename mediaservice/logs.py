"""Structured logs: one JSON object per line on standard output, with the signatures of SAS addresses masked."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

from redactor.version import __version__

SIGNATURE = re.compile(r"""(?i)(sig(?:=|%3D|%253D))[^&\s"'<>\\]*""")
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


def masked(text: str) -> str:
    """Return `text` with the value of every `sig=` masked, percent-encoded once or twice as well."""
    return SIGNATURE.sub(r"\1***", text)


def fields(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields of `extra` and, for exceptions, `exception`, without masking."""
    given = {key: value for key, value in record.__dict__.items() if key not in STANDARD}
    if record.exc_info:
        given["exception"] = logging.Formatter().formatException(record.exc_info)
    return given


class JsonFormatter(logging.Formatter):
    """Formats time, level, logger, message, version, the fields of `extra` and, for exceptions, `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "version": __version__,
            **fields(record),
        }
        return masked(json.dumps(line, ensure_ascii=False, default=str))


def configure() -> None:
    """Route all lines, uvicorn's included, through one handler."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("azure", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
