"""Jobs and their events fit into Storage's rows. A proxy enforces the limits that Azurite does not."""

import http.server
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.mgmt.media.models import Asset

from local.host.certificates import Certificates
from local.services.entra import Entra
from mediaservice.model import states
from mediaservice.model.file_names import shortened, written_out
from mediaservice.store.account import Store
from mediaservice.utf16 import cut, pieces, units
from tests.https import https_server
from tests.mediaservice.deployment import FACEREDACT, GROUP, Deployment, Pipeline, serving
from tests.mediaservice.held_storage import held_storage
from tests.mediaservice.stored import LONG_AGO, Steps, a_job

PROPERTY_UNITS, ENTITY_UNITS, TRANSACTION_BYTES = 32 * 1024, 512 * 1024, 4 * 1024 * 1024
EMOJI = "\U0001f600"


@dataclass
class Limits:
    """The limits of Azure Tables; learn.microsoft.com, "Understanding the Table service data model"."""

    unwritable: str | None = None  # no entity of this job may become Processing
    exceeded: list[str] = field(default_factory=list)

    def refused(self, _method: str, _path: str, content: bytes) -> int | None:
        entities = [json.loads(line) for line in content.split(b"\r\n") if line.startswith(b"{")]
        if any((each.get("Name"), each.get("State")) == (self.unwritable, "Processing") for each in entities):
            return 413
        sizes = [len(str(value).encode("utf-16-le")) // 2 for each in entities for value in each.values()]
        texts = [json.dumps(each, ensure_ascii=False) for each in entities]
        largest = max((len(text.encode("utf-16-le")) // 2 for text in texts), default=0)
        if len(content) > TRANSACTION_BYTES or largest > ENTITY_UNITS or max(sizes, default=0) > PROPERTY_UNITS:
            self.exceeded.append(f"{len(content)} bytes, an entity of {largest}, a property of {max(sizes)} units")
            return 413
        return None


@dataclass
class Limited:
    pipeline: Pipeline
    limits: Limits
    events: list[dict[str, Any]]

    def put(self, path: str, properties: dict[str, Any]) -> httpx.Response:
        service = self.pipeline.service
        return service.http.put(
            service.path + path,
            params={"api-version": "2022-07-01"},
            headers={"authorization": f"Bearer {service.token()}"},
            json={"properties": properties},
        )

    def submit(self, name: str, job: dict[str, Any], transform: str = "faceredact") -> httpx.Response:
        return self.put(f"/transforms/{transform}/jobs/{name}", job)

    def properties(self, content: dict[str, object], *assets: str) -> dict[str, Any]:
        """Return a job's properties, after creating its output assets."""
        for asset in assets:
            self.pipeline.media.assets.create_or_update(GROUP, self.pipeline.service.account, asset, Asset())
        return {
            "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": [self.pipeline.upload(content)]},
            "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": asset} for asset in assets],
        }


@pytest.fixture
def limited(
    deploy: Callable[[], Deployment], entra: Entra, certificates: Certificates, tmp_path: Path
) -> Iterator[Limited]:
    """The service on tables with Storage's limits, and a topic with Event Grid's."""
    events: list[dict[str, Any]] = []
    lock = threading.Lock()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if length <= 1_000_000:
                with lock:
                    events.extend(json.loads(body))
            self.send_response(200 if length <= 1_000_000 else 413)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    limits = Limits()
    deployment = deploy()
    tables = deployment.environment["STORAGE_TABLE_ENDPOINT"]
    with (
        https_server(Receiver, certificates) as port,
        held_storage(tables, certificates, lambda *_: False, limits.refused) as proxy,
    ):
        stand_in = Path(__file__).parents[1] / "stand_in_engine.py"
        deployment = deployment.with_environment(
            EVENTS_ENDPOINT=f"https://127.0.0.1:{port}/api/events",
            STORAGE_TABLE_ENDPOINT=proxy.endpoint,
            ENGINE_COMMAND=f"{sys.executable} {stand_in}",
            JOB_LEASE_SECONDS="3",
            TMPDIR=str(tmp_path),
        )
        with serving(deployment, entra) as service, service.client() as client:
            yield Limited(Pipeline(service, deployment, client, tmp_path), limits, events)


def test_a_job_with_correlation_data_of_emoji_is_done_and_its_events_have_them(limited: Limited, name: str) -> None:
    correlation = {"who": EMOJI * 9000}
    job = limited.properties({}, name) | {"correlationData": correlation}
    assert limited.submit(name, job).status_code == 201
    limited.pipeline.work()
    assert limited.pipeline.job(name).state == "Finished"
    assert limited.limits.exceeded == []
    limited.pipeline.until(lambda: any(each["eventType"].endswith(".JobFinished") for each in limited.events))
    assert all(correlation in each["data"].values() for each in limited.events)


def test_a_job_with_as_much_of_all_as_is_allowed_ends_and_its_events_come(limited: Limited, name: str) -> None:
    media, account = limited.pipeline.media, limited.pipeline.service.account
    preset = {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "mode": "Combined"}
    outputs = [{"preset": preset, "onError": "ContinueJob"}] * 20
    limited.put(f"/transforms/{name}", {"outputs": outputs})
    assets = [f"{name}-{number}" for number in range(20)]
    job = limited.properties({"fail": {"code": "ContentMalformed", "message": '"\x01é' * 10_000}}, *assets)
    job |= {"correlationData": {"it": "x" * 49_000}, "description": EMOJI * 5000}
    answer = limited.submit(name, job, transform=name)
    assert answer.status_code == 201, answer.text
    limited.pipeline.work()
    found: Any = media.jobs.get(GROUP, account, name, name)
    assert found.state == "Error"
    assert {output.state for output in found.outputs} == {"Error"}
    assert {len(output.error.message) for output in found.outputs} == {1000}
    assert limited.limits.exceeded == []
    limited.pipeline.until(lambda: any(each["eventType"].endswith(".JobErrored") for each in limited.events))
    assert all(job["correlationData"] in each["data"].values() for each in limited.events)


@pytest.mark.parametrize("label", [EMOJI * 9000, "x" * 280_000, "é" * 200_000])
def test_a_label_is_kept_through_the_jobs_life_or_refused_at_once(limited: Limited, name: str, label: str) -> None:
    job = limited.properties({"fail": {"code": "ContentMalformed", "message": "no"}}, name)
    job["outputs"][0]["label"] = label
    answer = limited.submit(name, job)
    if answer.status_code == 201:
        limited.pipeline.work()
        assert limited.pipeline.job(name).state == "Error"
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
        assert "fit" in answer.json()["error"]["message"]
    assert limited.limits.exceeded == []
    assert answer.status_code == (201 if len(label) == 9000 else 400)


def test_texts_of_assets_and_transforms_are_kept_whatever_their_characters(limited: Limited, name: str) -> None:
    media, account = limited.pipeline.media, limited.pipeline.service.account
    text = EMOJI * 10_000
    media.assets.create_or_update(GROUP, account, name, Asset(description=text, alternate_id=text))
    assert media.assets.get(GROUP, account, name).description == text
    assert limited.put(f"/transforms/{name}", {**FACEREDACT, "description": EMOJI * 40_000}).status_code == 201
    assert media.transforms.get(GROUP, account, name).description == EMOJI * 40_000
    assert limited.limits.exceeded == []


def test_the_names_of_thousands_of_faces_have_room_in_the_jobs_record(
    in_store: Callable[[Steps], None], name: str
) -> None:
    files = [f"{EMOJI * 190}_thumb{number:06d}.jpg" for number in range(5000)]
    job = a_job(name)
    taken = states.take(job, holder="holder", message="message", now=LONG_AGO)
    publishing = states.begin_publishing(taken, files, LONG_AGO)

    async def steps(store: Store) -> None:
        await store.jobs.replace(await store.jobs.insert(job), publishing)
        found = await store.jobs.get("faceredact", name)
        assert found
        assert found.value == publishing

    in_store(steps)


def test_a_job_that_cannot_be_taken_goes_aside_and_ends_in_error(limited: Limited, name: str) -> None:
    bad, *others = [f"{name}-{number}" for number in range(4)]
    for each in (bad, *others):
        limited.pipeline.submit(each, {}, priority="High" if each == bad else "Normal")
    limited.limits.unwritable = bad
    limited.pipeline.work(JOB_LEASE_SECONDS="60")
    assert [limited.pipeline.job(each).state for each in others] == ["Finished"] * 3
    assert limited.pipeline.job(bad).state == "Queued"
    for _ in range(2):
        limited.pipeline.until(limited.pipeline.visible, 40)
        limited.pipeline.work()
    job = limited.pipeline.job(bad)
    assert (job.state, job.outputs[0].error.message) == ("Error", "The job's record cannot be written.")
    assert (limited.pipeline.messages(), limited.pipeline.messages("POISON_QUEUE")) == (0, 1)


def test_a_job_that_cannot_be_taken_can_be_canceled(limited: Limited, name: str) -> None:
    limited.pipeline.submit(name, {})
    limited.limits.unwritable = name
    limited.pipeline.work()
    limited.pipeline.cancel(name)
    assert limited.pipeline.job(name).state == "Canceled"
    limited.pipeline.until(limited.pipeline.visible)
    limited.pipeline.work()
    assert limited.pipeline.messages() == 0


@pytest.mark.parametrize("text", ["", "abc", "é" * 7, EMOJI * 7, "a" + EMOJI * 7])
@pytest.mark.parametrize("most", [2, 3, 5])
def test_pieces_divide_no_character_and_lose_none(text: str, most: int) -> None:
    found = pieces(text, most)
    assert "".join(found) == text
    assert all(units(piece) <= most for piece in found)


def test_a_cut_text_has_at_most_so_many_units() -> None:
    assert (cut("abcd", 4), cut("abcde", 4), cut(EMOJI * 3, 4)) == ("abcd", "abc…", f"{EMOJI}…")


@pytest.mark.parametrize("names", [(), ("a",), ("a", "a"), ("ab:1", "ab:12", "b", ""), (f"{EMOJI}1", f"{EMOJI}2")])
def test_file_names_are_what_they_were_after_they_were_shortened(names: tuple[str, ...]) -> None:
    assert written_out(shortened(names)) == names
