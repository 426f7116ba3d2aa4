"""Requests for the tenant's keys: rotation, hanging authorities, and the load that strangers can cause."""

import asyncio
import http.server
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt.algorithms
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mediaservice.api.middleware import signing_keys as module
from mediaservice.api.middleware.signing_keys import KeysUnavailableError, SigningKeys


@dataclass
class Authority:
    published: list[str] = field(default_factory=list)  # ids of the published keys
    requests: int = 0
    hangs: bool = False
    fails: bool = False
    url: str = ""


def jwk(key_id: str) -> dict[str, Any]:
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True), "kid": key_id, "alg": "RS256", "use": "sig"}


@pytest.fixture
def authority() -> Iterator[Authority]:
    known, end = Authority(), threading.Event()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.requests += 1
            if known.hangs:
                end.wait(20)
            content = json.dumps({"keys": [jwk(key_id) for key_id in known.published]}).encode()
            self.send_response(503 if known.fails else 200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    known.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield known
    end.set()
    server.shutdown()
    thread.join()
    server.server_close()


def run(steps: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(steps())  # type: ignore[arg-type]  # a coroutine function's result is a coroutine


def test_keys_are_fetched_once_and_again_when_the_tenant_has_a_new_one(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MIN_REFRESH_SECONDS", 0)
    keys = SigningKeys(authority.url)
    authority.published = ["old"]

    async def steps() -> None:
        await asyncio.gather(*(keys.get("old") for _ in range(10)))
        assert authority.requests == 1
        authority.published = ["new"]
        assert await keys.get("new")
        assert await keys.get("old") is None  # what is no longer published is no longer trusted
        assert authority.requests == 3

    run(steps)


def test_invented_keys_cause_no_load_on_the_authority(authority: Authority) -> None:
    keys = SigningKeys(authority.url)
    authority.published = ["one"]

    async def steps() -> None:
        assert await keys.get("one")
        for number in range(10):
            assert await keys.get(f"invented-{number}") is None
        assert authority.requests == 1

    run(steps)


def test_an_authority_that_does_not_answer_is_given_up_on_in_time(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FETCH_SECONDS", 0.2)
    authority.hangs = True

    async def steps() -> None:
        async with asyncio.timeout(5):
            with pytest.raises(KeysUnavailableError):
                await SigningKeys(authority.url).get("one")

    run(steps)


def test_keys_that_are_here_are_served_while_the_authority_hangs(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = SigningKeys(authority.url)
    authority.published = ["one"]

    async def steps() -> None:
        assert await keys.get("one")
        monkeypatch.setattr(module, "REFRESH_SECONDS", 0)
        monkeypatch.setattr(keys, "_next", 0.0)
        authority.hangs = True
        invented = asyncio.create_task(keys.get("invented"))
        async with asyncio.timeout(4):  # less than a fetch may take
            while authority.requests < 2:
                await asyncio.sleep(0.01)
            for _ in range(20):
                assert await keys.get("one")
                await keys.ensure()
        assert not invented.done()
        assert authority.requests == 2
        invented.cancel()

    run(steps)


def test_fetches_that_fail_are_few_and_those_who_ask_meanwhile_are_answered_at_once(authority: Authority) -> None:
    keys = SigningKeys(authority.url)
    authority.fails = True

    async def steps() -> None:
        async with asyncio.timeout(2):
            for number in range(50):
                with pytest.raises(KeysUnavailableError):
                    await keys.get(f"any-{number}")
        assert authority.requests == 1

    run(steps)


def test_keys_too_old_are_not_used_when_no_others_come(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = SigningKeys(authority.url)
    authority.published = ["one"]

    async def steps() -> None:
        assert await keys.get("one")
        authority.fails = True
        monkeypatch.setattr(module, "MAX_AGE_SECONDS", 0)
        monkeypatch.setattr(keys, "_next", 0.0)
        with pytest.raises(KeysUnavailableError):
            await keys.get("one")

    run(steps)
