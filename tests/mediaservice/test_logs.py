import json
import logging

import pytest

import redactor
from mediaservice.logs import JsonFormatter


@pytest.fixture
def record() -> logging.LogRecord:
    url = "https://h/c/b?sv=1&sig=a%2Bb%3D&se=2"
    record = logging.LogRecord("room", logging.INFO, __file__, 1, "reading %s", (url,), None)
    record.url = url
    return record


def test_a_record_is_one_line_of_json_with_what_extra_gave(record: logging.LogRecord) -> None:
    line = JsonFormatter().format(record)
    said = json.loads(line)
    assert "\n" not in line
    assert said["version"] == redactor.__version__
    assert (said["level"], said["logger"], said["url"]) == ("info", "room", "https://h/c/b?sv=1&sig=***&se=2")


def test_signatures_are_masked_wherever_they_stand(record: logging.LogRecord) -> None:
    try:
        raise ValueError("could not read https://h/c/b?SIG=a%2Bb%3D")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    line = JsonFormatter().format(record)
    assert "a%2Bb%3D" not in line
    assert "SIG=***" in line
