import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import azure.functions
import httpx
import pytest

from tests.local.conftest import Running

EVENT: dict[str, Any] = {
    "id": "e1",
    "topic": "t",
    "subject": "s",
    "eventType": "Microsoft.Storage.BlobCreated",
    "eventTime": "2026-11-23T10:00:00.1234567Z",
    "data": {"url": "https://example/ü"},
    "dataVersion": "",
    "metadataVersion": "1",
}
APP = """
import azure.functions as func
app = func.FunctionApp()
"""


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as client:
        yield client


def test_functions_are_indexed_by_their_decorators(running: Running) -> None:
    source = APP + "@app.event_grid_trigger(arg_name='event')\ndef on_upload(event: func.EventGridEvent): pass"
    with running(source) as app:
        assert [(function.name, function.trigger) for function in app.functions] == [("on_upload", "eventGridTrigger")]
        assert app.error is None


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_event_reaches_the_function_as_azure_functions_types(
    running: Running, client: httpx.Client, kind: str
) -> None:
    source = (
        APP
        + f"""
@app.function_name("on_upload")
@app.event_grid_trigger(arg_name="event")
{kind} main(event: func.EventGridEvent, context: func.Context):
    import os
    assert context.function_name == "on_upload" and context.invocation_id
    raise ValueError([event.id, event.get_json()["url"], event.event_type, event.event_time.year, os.environ["SET"]])
"""
    )
    with running(source, {"SET": "value"}) as app:
        answer = client.post(app.endpoint("on_upload"), json=EVENT)
    assert answer.status_code == 500
    expected = ["e1", "https://example/ü", "Microsoft.Storage.BlobCreated", 2026, "value"]
    assert answer.json() == {"message": f"ValueError: {expected}"}


def test_only_the_archive_and_the_standard_library_can_be_imported(running: Running, client: httpx.Client) -> None:
    source = (
        APP
        + """
import sys
@app.event_grid_trigger(arg_name="event")
def on_upload(event: func.EventGridEvent):
    raise ValueError(sys.path)
"""
    )
    with running(source) as app:
        message = client.post(app.endpoint("on_upload"), json=EVENT).json()["message"]
    assert str(Path(azure.functions.__file__).parents[2]) not in message
    assert str(Path(__file__).parents[3]) + "'" not in message
    assert sys.prefix not in message


def test_a_missing_package_means_no_functions_and_says_which(running: Running, client: httpx.Client) -> None:
    with running("import httpx\n" + APP) as app:
        assert app.functions == ()
        assert app.error == "ModuleNotFoundError: No module named 'httpx'"
        assert client.post(app.endpoint("on_upload"), json=EVENT).status_code == 404
        assert "Traceback" in app.process.tail()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1", "function_app.py has 0 FunctionApp objects"),
        (APP + "@app.event_grid_trigger(arg_name='event')\ndef f(other): pass", "parameters without a binding: other"),
        (APP + "@app.event_grid_trigger(arg_name='event')\ndef f(event: int): pass", "event is annotated"),
    ],
)
def test_what_the_worker_would_refuse_is_refused(running: Running, source: str, reason: str) -> None:
    with running(source) as app:
        assert app.functions == ()
        assert app.error
        assert reason in app.error


def test_events_run_beside_each_other(running: Running, client: httpx.Client) -> None:
    source = (
        APP
        + """
import threading
both = threading.Barrier(2, timeout=10)
@app.event_grid_trigger(arg_name="event")
def on_upload(event: func.EventGridEvent):
    both.wait()
"""
    )
    with running(source) as app, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.post(app.endpoint("on_upload"), json=EVENT), range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("body", [b"{", b"[1]"])
def test_what_is_no_event_is_a_bad_request(running: Running, client: httpx.Client, body: bytes) -> None:
    source = APP + "@app.event_grid_trigger(arg_name='event')\ndef on_upload(event: func.EventGridEvent): pass"
    with running(source) as app:
        assert client.post(app.endpoint("on_upload"), content=body).status_code == 400


def test_what_the_application_prints_goes_to_the_log(running: Running) -> None:
    with running("print('hello from import')\n" + APP) as app:
        assert app.error is None
        assert "hello from import" in app.process.tail()
