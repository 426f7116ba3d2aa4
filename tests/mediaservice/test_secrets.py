"""Secrets of clients and hosts are written nowhere: not in logs, rows, messages or events."""

import http.server
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.host.certificates import Certificates
from local.services.entra import Entra
from tests.https import https_server
from tests.mediaservice.deployment import Deployment, Pipeline, serving

MARK = "MARKEDSECRET"


@pytest.fixture
def host(certificates: Certificates) -> Iterator[tuple[str, list[bytes]]]:
    """A host of inputs that repeats secrets in its refusals, and the events sent to it as a topic."""
    events: list[bytes] = []

    class Host(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404, f"no such blob {self.path} {'x' * 50_000}")
            self.send_header("x-ms-error-code", f"sig={MARK}{'y' * 10_000}")
            self.send_header("content-length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            events.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with https_server(Host, certificates) as port:
        yield f"https://localhost:{port}", events


def test_marked_secrets_are_found_nowhere_when_the_jobs_are_over(
    deploy: Callable[[], Deployment], entra: Entra, host: tuple[str, list[bytes]], tmp_path: Path, name: str
) -> None:
    url, events = host
    stand_in = Path(__file__).with_name("stand_in_engine.py")
    deployment = deploy().with_environment(
        EVENTS_ENDPOINT=f"{url}/api/events",
        INPUT_HOSTS="localhost,127.0.0.1",
        ENGINE_COMMAND=f"{sys.executable} {stand_in}",
        JOB_LEASE_SECONDS="3",
        TMPDIR=str(tmp_path),
    )
    with serving(deployment, entra) as service, service.client() as media:
        pipeline = Pipeline(service, deployment, media, tmp_path)
        inputs: list[dict[str, object]] = [
            {"files": [f"{url}/raw/gone.mp4?sv=1&sig={MARK}&se=2"]},
            {"files": [f"gone.mp4?sig={MARK}"], "baseUri": f"{url}/raw"},
            {"files": ["gone.mp4"], "baseUri": f"{url}/raw?sv=1&sig={MARK}&x="},
            {"files": [f"{url}/raw/gone.mp4%3Fsv=1&sig={MARK}"]},
            {"files": [f"{url}/raw/gone.mp4?sv=1&SIG={MARK}"]},
        ]
        for number, given in enumerate(inputs):
            asset = f"{name}-{number}"
            body = {
                "input": {"@odata.type": "#Microsoft.Media.JobInputHttp", **given},
                "outputs": [{"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": asset}],
            }
            headers = {"authorization": f"Bearer {service.token()}"}
            query = {"api-version": "2022-07-01"}
            for path, properties in ((f"/assets/{asset}", {}), (f"/transforms/faceredact/jobs/{asset}", body)):
                put = service.http.put(
                    service.path + path, params=query, headers=headers, json={"properties": properties}
                )
                assert put.status_code == 201, put.text
        service.http.get(f"{service.path}/assets/x%3Fsig={MARK}", params=query, headers=headers)
        pipeline.work()
        for number in range(len(inputs)):
            job = pipeline.job(f"{name}-{number}")
            assert job.state == "Error"
            assert MARK not in str(job.serialize(keep_readonly=True))
            assert len(job.outputs[0].error.message) <= 1000
    written = [log.read_text() for log in deployment.folder.glob("*.log")]
    assert any(f"{name}-0" in text for text in written)
    with deployment.tables as tables:
        for table in ("JOBS_TABLE", "ASSETS_TABLE"):
            written += map(str, tables.get_table_client(deployment.environment[table]).list_entities())
    assert events
    written += [each.decode() for each in events]
    for queue in ("JOBS_QUEUE", "POISON_QUEUE"):
        with pipeline.queue(queue) as messages:
            written += [str(message.content) for message in messages.peek_messages(32)]
    assert [text for text in written if MARK in text] == []
