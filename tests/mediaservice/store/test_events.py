"""Job events at a topic that checks tokens as Event Grid does."""

import asyncio
import http.server
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.certificates import Certificates
from local.services.entra import Entra
from mediaservice.model import states
from mediaservice.model.job_events import events_of
from mediaservice.settings import read_worker
from mediaservice.store.account import open_store
from mediaservice.store.overdue import publish_overdue
from tests.https import https_server
from tests.mediaservice.deployment import GROUP, Deployment, Pipeline, serving
from tests.mediaservice.model.test_states import LATER, NOW, processing, queued


@dataclass
class Receiver:
    url: str
    available: bool = True
    refused: str | None = None  # for the job of this name, as Event Grid refuses events
    turned_away: int = 0
    tokens: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)

    def types(self, name: str) -> list[str]:
        """Return the types of the job's own events, in the order in which they happened."""
        about = [each for each in self.events if each["subject"] == f"transforms/faceredact/jobs/{name}"]
        return [each["eventType"].removeprefix("Microsoft.Media.") for each in about]


@pytest.fixture
def receiver(certificates: Certificates) -> Iterator[Receiver]:
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status = 200 if known.available else 503
            if any(each["subject"].endswith(f"/{known.refused}") for each in body):
                status = 400
            if status == 200:
                known.tokens.add(self.headers["authorization"])
                known.events.extend(body)
            else:
                known.turned_away += 1
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with https_server(Answers, certificates) as port:
        known = Receiver(f"https://127.0.0.1:{port}/api/events")
        yield known


@pytest.fixture
def announced(deploy: Callable[[], Deployment], entra: Entra, receiver: Receiver, tmp_path: Path) -> Iterator[Pipeline]:
    stand_in = Path(__file__).parents[1] / "stand_in_engine.py"
    deployment = deploy().with_environment(
        EVENTS_ENDPOINT=receiver.url,
        ENGINE_COMMAND=f"{sys.executable} {stand_in}",
        JOB_LEASE_SECONDS="3",
        TMPDIR=str(tmp_path),
    )
    with serving(deployment, entra) as service, service.client() as client:
        yield Pipeline(service, deployment, client, tmp_path)


def test_a_jobs_events_have_the_contracts_shape(announced: Pipeline, receiver: Receiver, name: str) -> None:
    go = announced.folder / "go"
    announced.submit(name, {"wait_for": str(go)})
    with announced.start() as worker:
        announced.until(lambda: "JobOutputProgress" in receiver.types(name))
        go.touch()
        assert worker.wait(20) == 0
    states = ["JobStateChange", "JobScheduled", "JobOutputStateChange", "JobOutputScheduled"]
    states += ["JobStateChange", "JobProcessing", "JobOutputStateChange", "JobOutputProcessing"]
    ends = ["JobOutputStateChange", "JobOutputFinished", "JobStateChange", "JobFinished"]
    types = receiver.types(name)
    assert sorted(kind for kind in types if kind != "JobOutputProgress") == sorted(states + ends)
    finished = next(each for each in receiver.events if each["eventType"] == "Microsoft.Media.JobFinished")
    assert finished["dataVersion"] == "1.0"
    assert datetime.fromisoformat(finished["eventTime"]).tzinfo
    assert "topic" not in finished  # Event Grid refuses another's
    output = {"label": "FaceDetectorPreset_0", "progress": 100, "state": "Finished", "error": None}
    assert finished["data"] == {
        "previousState": "Processing",
        "state": "Finished",
        "correlationData": {},
        "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name, **output}],
    }
    progress = next(each for each in receiver.events if each["eventType"] == "Microsoft.Media.JobOutputProgress")
    assert set(progress["data"]) == {"jobCorrelationData", "label", "progress"}
    assert len({each["id"] for each in receiver.events}) == len(receiver.events)
    assert all(token.startswith("Bearer ey") for token in receiver.tokens)


def test_events_that_a_topic_could_not_take_are_published_later(
    announced: Pipeline, receiver: Receiver, name: str, acting_as: Callable[[Deployment], None]
) -> None:
    receiver.available = False
    announced.submit(name, {"fail": {"code": "ContentMalformed", "message": "no"}})
    announced.work()
    assert announced.job(name).state == "Error"
    assert receiver.events == []
    receiver.available = True
    acting_as(announced.deployment)

    async def send() -> list[int]:
        async with open_store(read_worker(announced.deployment.environment)) as store:
            return [await publish_overdue(store, timedelta()) for _ in range(2)]

    sent, again = asyncio.run(send())
    assert sent > 0
    assert again == 0
    assert {"JobProcessing", "JobOutputErrored", "JobErrored"} <= set(receiver.types(name))
    errored = next(each for each in receiver.events if each["eventType"] == "Microsoft.Media.JobErrored")
    assert errored["data"]["outputs"][0]["error"]["code"] == "ContentMalformed"


def test_the_api_publishes_a_cancellation(announced: Pipeline, receiver: Receiver, name: str) -> None:
    announced.submit(name, {})
    announced.cancel(name)
    announced.until(lambda: "JobCanceled" in receiver.types(name))
    assert receiver.types(name) == ["JobOutputStateChange", "JobOutputCanceled", "JobStateChange", "JobCanceled"]


def test_events_of_a_deleted_transform_are_published_all_the_same(
    announced: Pipeline, receiver: Receiver, name: str, acting_as: Callable[[Deployment], None]
) -> None:
    receiver.available = False
    announced.submit(name, {})
    announced.cancel(name)
    announced.media.transforms.delete(GROUP, announced.service.account, "faceredact")
    receiver.available = True
    acting_as(announced.deployment)

    async def send() -> list[list[str]]:
        async with open_store(read_worker(announced.deployment.environment)) as store:
            left = [await store.transforms.deleted()]
            await publish_overdue(store, timedelta())
            return [*left, await store.transforms.deleted()]

    before, after = asyncio.run(send())
    assert "JobCanceled" in receiver.types(name)
    assert (before, after) == (["faceredact"], [])


def test_events_that_the_topic_refuses_hold_up_no_others(
    announced: Pipeline, receiver: Receiver, name: str, acting_as: Callable[[Deployment], None]
) -> None:
    receiver.available = False
    for each in (name, f"{name}-2"):
        announced.submit(each, {})
        announced.cancel(each)
    announced.until(lambda: receiver.turned_away == 2)
    receiver.available, receiver.refused = True, name
    acting_as(announced.deployment)

    async def send() -> int:
        async with open_store(read_worker(announced.deployment.environment)) as store:
            return await publish_overdue(store, timedelta())

    assert asyncio.run(send()) == 1
    assert (receiver.types(name), "JobCanceled" in receiver.types(f"{name}-2")) == ([], True)


def test_what_is_taken_is_said_to_be_scheduled_first() -> None:
    taken = states.take(queued(), holder="h", message="m", now=LATER)
    events = [
        (event.type.removeprefix("Microsoft.Media."), event.data["previousState"], event.data["state"])
        for event in events_of(queued(), taken)
    ]
    assert events == [
        ("JobStateChange", "Queued", "Scheduled"),
        ("JobScheduled", "Queued", "Scheduled"),
        ("JobStateChange", "Scheduled", "Processing"),
        ("JobProcessing", "Scheduled", "Processing"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "published"),
    [((3, 10), (4, 29), False), ((4, 29), (4, 31), True), ((4, 31), (4, 59), False), ((4, 31), (5, 32), True)],
)
def test_progress_is_published_at_each_twentieth_and_every_half_minute(
    before: tuple[int, int], after: tuple[int, int], published: bool
) -> None:
    former, job = (
        states.progress(processing(), 0, percent, NOW + timedelta(seconds=seconds))
        for percent, seconds in (before, after)
    )
    assert [event.type for event in events_of(former, job)] == ["Microsoft.Media.JobOutputProgress"] * published


def test_an_output_that_begins_has_no_progress_to_report_yet() -> None:
    waiting = queued()
    begun = states.begin_output(states.take(waiting, holder="h", message="m", now=LATER), 0, LATER)
    assert "Microsoft.Media.JobOutputProgress" not in [event.type for event in events_of(waiting, begun)]
