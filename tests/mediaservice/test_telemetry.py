"""Traces, metrics and log lines at an Application Insights that checks tokens."""

import gzip
import http.server
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.host.certificates import Certificates
from local.services.entra import Entra
from tests.https import https_server
from tests.mediaservice.deployment import Deployment, Pipeline, serving

METRICS = {
    "media.job.submit.duration",
    "media.job.wait.duration",
    "media.jobs.ended",
    "media.jobs.unfinished",
    "media.queue.age",
    "media.queue.length",
    "media.redaction.speed",
}


@dataclass
class Insights:
    """The envelopes posted to an ingestion endpoint."""

    endpoint: str
    tokens: set[str] = field(default_factory=set)
    posted: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str, role: str) -> list[dict[str, Any]]:
        """Return the data of a kind, such as RequestData, from one process of the service."""
        return [
            each["data"]["baseData"] | {"operation": each["tags"]["ai.operation.id"]}
            for each in list(self.posted)
            if each["data"]["baseType"] == kind and each["tags"]["ai.cloud.role"] == f"mediaservice.{role}"
        ]

    def metrics(self) -> set[str]:
        found = [each["data"] for each in list(self.posted) if each["data"]["baseType"] == "MetricData"]
        return {metric["name"] for data in found for metric in data["baseData"]["metrics"]}


@pytest.fixture
def insights(certificates: Certificates) -> Iterator[Insights]:
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-encoding"] == "gzip":
                body = gzip.decompress(body)
            envelopes = json.loads(body)
            known.tokens.add(self.headers["authorization"])
            known.posted.extend(envelopes)
            answer = {"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes), "errors": []}
            payload = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    with https_server(Answers, certificates) as port:
        known = Insights(f"https://127.0.0.1:{port}/")
        yield known


@pytest.fixture
def watched(deploy: Callable[[], Deployment], insights: Insights, tmp_path: Path) -> Deployment:
    return deploy().with_environment(
        APPLICATIONINSIGHTS_CONNECTION_STRING=f"InstrumentationKey={uuid.uuid4()};IngestionEndpoint={insights.endpoint}",
        ENGINE_COMMAND=f"{sys.executable} {Path(__file__).with_name('stand_in_engine.py')}",
        TMPDIR=str(tmp_path),
    )


def test_a_jobs_way_can_be_followed_in_traces_measurements_and_log_lines(
    watched: Deployment, insights: Insights, entra: Entra, name: str, tmp_path: Path
) -> None:
    failed = f"{name}-failed"
    with serving(watched, entra) as service, service.client() as client:
        pipeline = Pipeline(service, watched, client, tmp_path)
        pipeline.submit(name, {})
        pipeline.submit(failed, {"fail": {"code": "ContentMalformed", "message": "see https://a/b?sig=secretsecret"}})
        pipeline.work()
    # the processes send the rest before they end
    assert insights.metrics() == METRICS
    (accepted,) = (each for each in insights.of("RequestData", "api") if each["properties"].get("job") == name)
    assert accepted["name"].startswith("PUT /subscriptions/{subscription}/resourceGroups/{group}/")
    assert (accepted["responseCode"], accepted["success"]) == ("201", True)
    jobs = {each["properties"]["job"]: each for each in insights.of("RequestData", "worker")}
    assert {job: (each["properties"]["state"], each["success"]) for job, each in jobs.items()} == {
        name: ("Finished", True),
        failed: ("Error", False),
    }
    parts = [
        each for each in insights.of("RemoteDependencyData", "worker") if each["operation"] == jobs[name]["operation"]
    ]
    assert {each["name"] for each in parts} == {"download", "redact", "upload"}
    lines = [each for each in insights.of("MessageData", "worker") if each["properties"].get("job") == name]
    assert {"job taken", "output published", "job over"} <= {each["message"] for each in lines}
    assert "output published" in {each["message"] for each in lines if each["operation"] == jobs[name]["operation"]}
    assert "secretsecret" not in json.dumps(insights.posted)
    senders = {
        entra.claims(token.removeprefix("Bearer "), "https://monitor.azure.com/")["appid"] for token in insights.tokens
    }
    assert senders == {watched.environment["AZURE_CLIENT_ID"]}


def test_signatures_are_masked_in_what_is_sent(watched: Deployment, insights: Insights) -> None:
    program = (
        "import logging, os\n"
        "from mediaservice import telemetry\n"
        "address = 'https://a/b?sig=secretsecret'\n"
        "insights = os.environ['APPLICATIONINSIGHTS_CONNECTION_STRING']\n"
        "with telemetry.sent(insights, os.environ['AZURE_CLIENT_ID'], 'worker'):\n"
        "    try:\n"
        "        with telemetry.span('part'):\n"
        "            raise RuntimeError(address)\n"
        "    except RuntimeError:\n"
        "        logging.getLogger('mediaservice').exception('cannot get %s', address, extra={'address': address})\n"
    )
    subprocess.run([sys.executable, "-c", program], env=watched.environment, check=True, timeout=60)
    (line,) = insights.of("MessageData", "worker")
    assert line["message"] == "cannot get https://a/b?sig=***"
    assert line["properties"]["address"] == "https://a/b?sig=***"
    assert "RuntimeError: https://a/b?sig=***" in line["properties"]["exception"]
    (part,) = insights.of("RemoteDependencyData", "worker")
    assert (part["name"], part["success"]) == ("part", False)
    assert "secretsecret" not in json.dumps(insights.posted)


def test_without_an_application_insights_nothing_is_loaded_that_would_send() -> None:
    rooms = ("api.app", "store.sweep", "worker.message_handling", "worker.run")
    program = (
        f"import sys, {', '.join(f'mediaservice.{room}' for room in rooms)}\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'azure.monitor'))])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"
