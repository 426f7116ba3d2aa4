import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from trigger import logs

LINK = "https://lake1.blob.core.windows.net/raw/a.mp4?sv=2026&sr=b&sp=r&sig=aB3%2Fc%2Bd%3D&se=2026-11-24"
SECRET = "aB3"


@pytest.fixture
def masking() -> Iterator[None]:
    make = logging.getLogRecordFactory()
    levels = {name: logging.getLogger(name).level for name in ("azure.core", "urllib3", "msal")}
    logs.mask_signatures()
    logs.mask_signatures()  # a second time changes nothing
    yield
    logging.setLogRecordFactory(make)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        LINK,
        quote(LINK, safe=""),
        quote(quote(LINK, safe=""), safe=""),
        json.dumps({"files": [LINK]}),
        LINK.upper(),
    ],
)
def test_masks_a_signature_in_every_spelling(text: str) -> None:
    masked = logs.mask(f"bad input {text} refused")
    assert "***" in masked
    assert SECRET.lower() not in masked.lower()
    assert masked.startswith("bad input ")
    assert masked.endswith(" refused")


def test_leaves_the_rest_of_a_link_readable() -> None:
    assert logs.mask(LINK) == LINK.replace("aB3%2Fc%2Bd%3D", "***")
    assert logs.mask("design=1&signed=2") == "design=1&signed=2"


@pytest.mark.usefixtures("masking")
def test_masks_records_of_any_logger_before_a_handler_sees_them(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("azure.core.somewhere")
    logger.warning("PUT %s gave %d", LINK, 400)
    try:
        raise ValueError(LINK)
    except ValueError:
        logger.exception("failed")
    assert "PUT" in caplog.text
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text


def test_writes_one_line_of_json(caplog: pytest.LogCaptureFixture) -> None:
    logs.write(logging.INFO, "submitted", {"source": "https://x/ü\n.mp4", "milliseconds": 12})
    [record] = caplog.records
    assert json.loads(record.getMessage()) == {
        "message": "submitted",
        "source": "https://x/ü\n.mp4",
        "milliseconds": 12,
    }
    assert "\n" not in record.getMessage()
