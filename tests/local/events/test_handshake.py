"""A web hook gets events once it has proven that it wants them."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps, loads
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.events.handshake import MANUAL_SECONDS, HandshakeError, Handshakes
from local.events.topic import Stage, Subscription, Topic
from local.host.certificates import Certificates
from tests.local.conftest import Eventually, Heard
from tests.local.events.test_topic import event

TOPIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/t"

type Reply = Callable[[dict[str, Any]], tuple[int, bytes]]


class Hook:
    """A web hook that answers validations by `reply` and other events by 200."""

    def __init__(self) -> None:
        self.reply: Reply = echo
        self.validations: list[dict[str, Any]] = []
        self.kinds: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.url = ""


def echo(validation: dict[str, Any]) -> tuple[int, bytes]:
    return 200, dumps({"validationResponse": validation["data"]["validationCode"]}).encode()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (received,) = loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.kinds.append(self.headers["aeg-event-type"])
            status, body = 200, b""
            if received["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent":
                made.validations.append(received)
                status, body = made.reply(received)
            else:
                made.events.append(received)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}/hook?code=secret"
        yield made
        server.shutdown()


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def handshakes(certificates: Certificates, clock: list[float]) -> Iterator[Handshakes]:
    with Handshakes(certificates, clock=lambda: clock[0]) as running:
        yield running


@pytest.fixture
def subscribed(hook: Hook, handshakes: Handshakes) -> list[Subscription]:
    declared = {"eventSubscriptionName": "finished"}
    handshake = partial(handshakes.begin, TOPIC, "finished", hook.url)
    return [Subscription.declared(declared, endpoint=hook.url, handshake=handshake)]


@pytest.fixture
def validate(hook: Hook, certificates: Certificates) -> Callable[[], httpx.Response]:
    """Requests the latest validation's address, as a person does."""

    def get() -> httpx.Response:
        address = hook.validations[-1]["data"]["validationUrl"]
        return httpx.get(address, verify=certificates.client_context, timeout=30)

    return get


def test_a_hook_that_returns_the_code_gets_events(
    hook: Hook, subscribed: list[Subscription], heard: Heard, eventually: Eventually
) -> None:
    with Topic(subscribed, listener=heard) as topic:
        topic.publish(event())
        eventually(lambda: hook.events)
    (validation,) = hook.validations
    assert hook.kinds == ["SubscriptionValidation", "Notification"]
    assert (validation["topic"], validation["subject"]) == (TOPIC, "")
    assert set(validation["data"]) == {"validationCode", "validationUrl"}


def test_a_hook_without_an_answer_gets_events_once_somebody_requests_the_address(
    hook: Hook, subscribed: list[Subscription], heard: Heard, eventually: Eventually, validate: Any
) -> None:
    hook.reply = lambda _: (200, b"")
    with Topic(subscribed, listener=heard) as topic:
        topic.publish(event(1))
        assert [notice.stage for notice in heard.notices] == [Stage.PUBLISHED, Stage.FILTERED_OUT]
        assert validate().status_code == 200
        assert validate().status_code == 400  # it counts once
        topic.publish(event(2))
        eventually(lambda: hook.events)
    assert [each["id"] for each in hook.events] == ["2"]


def test_the_address_ends_after_ten_minutes(
    hook: Hook, subscribed: list[Subscription], validate: Any, clock: list[float]
) -> None:
    hook.reply = lambda _: (200, b"{}")
    with Topic(subscribed) as topic:
        clock[0] = MANUAL_SECONDS + 1
        assert validate().status_code == 400
        topic.publish(event())
    assert hook.events == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((200, dumps({"validationResponse": "another"}).encode()), "answers 200 with another validationResponse"),
        ((202, b""), "answers 202"),
        ((404, b""), "answers 404"),
    ],
)
def test_a_hook_that_refuses_ends_the_start_in_a_line_without_its_secret(
    hook: Hook, subscribed: list[Subscription], reply: tuple[int, bytes], said: str, validate: Any
) -> None:
    hook.reply = lambda _: reply
    with pytest.raises(HandshakeError) as refused, Topic(subscribed):
        pass
    assert str(refused.value).endswith(f"/hook failed: it {said}")
    assert "secret" not in str(refused.value)
    assert validate().status_code == 400


def test_a_hook_that_is_not_there_ends_the_start(handshakes: Handshakes) -> None:
    with pytest.raises(HandshakeError, match="ConnectError"):
        handshakes.begin(TOPIC, "finished", "http://127.0.0.1:9/hook", lambda: None)


def test_what_an_earlier_run_left_waits_for_the_handshake(
    hook: Hook, subscribed: list[Subscription], eventually: Eventually, validate: Any, tmp_path: Path
) -> None:
    (subscription,) = subscribed
    unreachable = Subscription.declared({"eventSubscriptionName": "finished"}, endpoint="http://127.0.0.1:9/")
    with Topic([unreachable], state=tmp_path) as topic:
        topic.publish(event())
    hook.reply = lambda _: (200, b"")
    with Topic([subscription], state=tmp_path):
        assert validate().status_code == 200
        eventually(lambda: hook.events)
