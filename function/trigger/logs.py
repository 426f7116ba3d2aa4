"""Structured log lines, and the masking of SAS signatures in all lines, libraries' included."""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

SIGNATURE = re.compile(r"""(?i)(sig(?:=|%3D|%253D))[^&\s"'<>\\]*""")

_logger = logging.getLogger("redact_on_upload")
_logger.setLevel(logging.INFO)


def mask(text: str) -> str:
    """Return `text` with the value of every `sig=` masked, percent-encoded once or twice as well."""
    return SIGNATURE.sub(r"\1***", text)


def write(level: int, message: str, dimensions: Mapping[str, object], *, exc_info: bool = False) -> None:
    """Log one line of JSON, `message` and its dimensions, for `parse_json(message)` in Application Insights."""
    line = json.dumps({"message": message, **dimensions}, ensure_ascii=False)
    _logger.log(level, "%s", line, exc_info=exc_info)


def mask_signatures() -> None:
    """Mask all records of this process, also the Azure SDKs', before a handler receives them."""
    make = logging.getLogRecordFactory()
    if getattr(make, "masks_signatures", False):
        return

    def make_masked(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        message = record.getMessage()
        if (masked := mask(message)) != message:
            record.msg, record.args = masked, None
        if record.exc_info and record.exc_info[0]:
            record.exc_text = mask(logging.Formatter().formatException(record.exc_info))
        return record

    make_masked.masks_signatures = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make_masked)
    for chatty in ("azure.core", "azure.identity", "azure.storage", "azure.mgmt", "msal", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
