"""Details that the SDK hides: headers, versions, error bodies."""

import asyncio
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from mediaservice.api import http_protocol
from tests.mediaservice.deployment import Service

Rest = Callable[..., httpx.Response]


def test_answers_carry_the_headers_that_the_service_sent(rest: Rest) -> None:
    answer = rest("GET", "/assets", headers={"x-ms-correlation-request-id": "c-1", "x-ms-client-request-id": "r-1"})
    assert answer.headers["content-type"] == "application/json; odata.metadata=minimal"
    assert answer.headers["odata-version"] == "4.0"
    assert answer.headers["x-ms-correlation-request-id"] == "c-1"
    assert answer.headers["x-ms-client-request-id"] == "r-1"
    assert answer.headers["x-ms-request-id"]


@pytest.mark.parametrize("version", ["2018-07-01", "2019-05-01-preview", "2021-11-01", "2022-08-01", "2023-01-01"])
def test_versions_of_the_services_lifetime_are_accepted(rest: Rest, version: str) -> None:
    assert rest("GET", params={"api-version": version}).status_code == 200


@pytest.mark.parametrize("version", ["2018-06-30", "2023-01-02", "2022-13-01", "latest", "2022-07-01-beta"])
def test_other_versions_are_refused(rest: Rest, version: str) -> None:
    answer = rest("GET", params={"api-version": version})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidApiVersionParameter")


def test_a_request_without_version_is_refused(service: Service) -> None:
    answer = service.http.get(service.path, headers={"authorization": f"Bearer {service.token()}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_what_is_missing_is_a_404_in_the_services_words(rest: Rest) -> None:
    answer = rest("GET", "/assets/none")
    assert answer.status_code == 404
    message = "The requested resource was not found. There is no Asset 'none'."
    assert answer.json() == {"error": {"code": "NotFound", "message": message}}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_an_unknown_path_is_a_404_in_the_same_form(rest: Rest) -> None:
    assert rest("GET", "/liveEvents").json()["error"]["code"] == "NotFound"


def test_a_body_that_is_not_json_is_refused(rest: Rest) -> None:
    answer = rest("PUT", "/assets/a", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_a_wrong_type_is_refused_with_its_path_and_an_unknown_field_ignored(rest: Rest, name: str) -> None:
    wrong = rest("PUT", f"/assets/{name}", json={"properties": {"description": 5, "colour": "red"}})
    assert wrong.status_code == 400
    assert wrong.json()["error"]["message"].startswith("properties.description: ")
    assert rest("PUT", f"/assets/{name}", json={"properties": {"colour": "red"}}).status_code == 201


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"a"', b'{"properties": []}', b"\xff"])
@pytest.mark.parametrize("path", ["/assets/a", "/transforms/a", "/transforms/faceredact/jobs/a"])
def test_a_body_of_the_wrong_form_is_refused(rest: Rest, path: str, body: bytes) -> None:
    answer = rest("PUT", path, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    "options",
    [
        {"$filter": "properties/created gt 0001-01-01T00:00:00+14:00"},
        {"$filter": "properties/created lt 9999-12-31T23:59:59-14:00"},
        {"$top": "ten"},
        {"$skiptoken": "%ff"},
        {"$skiptoken": "bm90IG91cnM="},
    ],
)
def test_options_that_cannot_be_read_are_refused(rest: Rest, options: dict[str, str]) -> None:
    assert rest("GET", "/assets", params=options).status_code == 400


def test_times_at_the_ends_of_the_calendar_can_be_compared_with(rest: Rest, name: str) -> None:
    rest("PUT", f"/assets/{name}", json={"properties": {}})
    everything = {
        "$filter": "properties/created gt 0001-01-01T00:00:00Z and properties/created lt 9999-12-31T00:00:00Z"
    }
    assert name in [asset["name"] for asset in rest("GET", "/assets", params=everything).json()["value"]]


def test_what_no_table_could_hold_is_refused(rest: Rest, name: str) -> None:
    assert rest("PUT", f"/assets/{name}", json={"properties": {"description": "x" * 10_001}}).status_code == 400


def test_a_job_or_transform_that_no_table_could_hold_is_refused(rest: Rest, name: str) -> None:
    rest("PUT", f"/assets/{name}", json={"properties": {}})
    given = {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://h/a.mp4"], "label": "x" * 500_000}
    output = {"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name}
    preset = {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "experimentalOptions": {"x": "x" * 500_000}}
    for path, properties in (
        (f"/transforms/faceredact/jobs/{name}", {"input": given, "outputs": [output]}),
        (f"/transforms/{name}", {"outputs": [{"preset": preset}]}),
    ):
        answer = rest("PUT", path, json={"properties": properties})
        assert (answer.status_code, "fit" in answer.json()["error"]["message"]) == (400, True)
        assert rest("GET", path).status_code == 404


def in_chunks(size: int) -> Iterator[bytes]:
    yield b'{"properties": {"description": "'
    for _ in range(size // 1024):
        yield b"x" * 1024


@pytest.mark.parametrize("content", [b"x" * 1_048_577, in_chunks(1_100_000)])
def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(rest: Rest, content: Any) -> None:
    answer = rest("PUT", "/assets/a", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "RequestContentTooLarge")
    assert "1,048,576 bytes" in answer.json()["error"]["message"]


def test_a_body_that_is_nested_too_deeply_is_a_bad_request(rest: Rest) -> None:
    answer = rest("PUT", "/assets/a", content=b"[" * 200_000, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_headers_that_are_too_large_are_refused_and_the_service_goes_on(rest: Rest) -> None:
    answer = rest("GET", headers={"x-large": "x" * 40_000})
    assert (answer.status_code, answer.json()["error"]["code"]) == (431, "RequestHeaderFieldsTooLarge")
    assert rest("GET").status_code == 200


@pytest.mark.parametrize("size", [20_000, 40_000, 100_000])
def test_a_head_that_arrives_in_pieces_meets_the_same_limit(service: Service, size: int) -> None:
    head = f"GET {service.path} HTTP/1.1\r\nhost: localhost\r\nx-large: {'x' * size}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", int(service.deployment.environment["PORT"])), timeout=10) as connection:
        for start in range(0, len(head), 15_000):
            connection.sendall(head[start : start + 15_000])
            assert service.http.get("/healthz").status_code == 200  # by now the service has read the piece
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        error = json.loads(answer.read())["error"]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    expected = (401, "AuthenticationFailed") if size < 32_768 else (431, "RequestHeaderFieldsTooLarge")
    assert (answer.status, error["code"]) == expected


def test_what_is_not_http_is_refused_in_the_services_words(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", int(service.deployment.environment["PORT"])), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01 no request\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (400, "BadRequest")
        assert connection.recv(1) == b""


@pytest.mark.parametrize("name", ["a<b", "it's", "a.b", "a+b", "x" * 261])
def test_a_name_that_the_rules_do_not_allow_is_refused(rest: Rest, name: str) -> None:
    answer = rest("PUT", f"/assets/{name}", json={"properties": {}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("top", ["9" * 5000, "1e3", "-1", "0", "²", "٣"])
def test_a_top_that_is_no_sensible_number_is_a_bad_request(rest: Rest, top: str) -> None:
    answer = rest("GET", "/assets", params={"$top": top})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        ("/assets/NAME", '{"description": "\\ud800"}'),
        ("/assets/NAME", '{"container": "\\ud800"}'),
        ("/transforms/NAME", '{"description": "\\ud800", "outputs": [{"preset": PRESET}]}'),
        ("/transforms/NAME", '{"outputs": [{"preset": {"@odata.type": "\\ud800"}}]}'),
        ("/transforms/NAME", '{"outputs": [{"preset": PRESET, "onError": "\\ud800"}]}'),
        (
            "/transforms/faceredact/jobs/NAME",
            '{"input": INPUT, "outputs": [OUTPUT], "correlationData": {"\\ud800": "a"}}',
        ),
        (
            "/transforms/faceredact/jobs/NAME",
            '{"input": INPUT, "outputs": [OUTPUT], "correlationData": {"a": "\\ud800"}}',
        ),
        (
            "/transforms/faceredact/jobs/NAME",
            '{"input": INPUT, "outputs": [OUTPUT], "correlationData": {"\\ud800": 1}}',
        ),
        ("/transforms/faceredact/jobs/NAME", '{"input": {"@odata.type": "\\ud800"}, "outputs": [OUTPUT]}'),
        ("/transforms/faceredact/jobs/NAME", '{JOB, "priority": "\\ud800"}'),
    ],
)
def test_half_of_a_surrogate_pair_is_a_bad_request(rest: Rest, name: str, path: str, properties: str) -> None:
    rest("PUT", f"/assets/{name}", json={"properties": {}})
    parts = {
        "PRESET": {"@odata.type": "#Microsoft.Media.FaceDetectorPreset"},
        "INPUT": {"@odata.type": "#Microsoft.Media.JobInputHttp", "files": ["https://h/a.mp4"]},
        "OUTPUT": {"@odata.type": "#Microsoft.Media.JobOutputAsset", "assetName": name},
    }
    properties = properties.replace("JOB", '"input": INPUT, "outputs": [OUTPUT]')
    for part, value in parts.items():
        properties = properties.replace(part, json.dumps(value))
    headers = {"content-type": "application/json"}
    answer = rest("PUT", path.replace("NAME", name), content=f'{{"properties": {properties}}}', headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nhost: h\r\n", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nhost: h\r\n\r\nGET / HTT", b"HTTP/1.1 200 "),
        (b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n{", b""),
    ],
)
def test_a_request_that_does_not_come_whole_in_time_ends_with_its_connection(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, answered: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "ARRIVAL_SECONDS", 0.2)

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def run() -> bytes:
        config = uvicorn.Config(
            app, port=0, http=http_protocol.HttpProtocol, timeout_keep_alive=60, lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(10):  # much less than an idle connection is kept
            answer = await reader.read()
        writer.close()
        server.should_exit = True
        await serving
        return answer

    answer = asyncio.run(run())
    assert answer.startswith(answered)
    assert bool(answer) == bool(answered)


def test_errors_come_as_resource_manager_sends_them_and_all_else_as_the_service_does(rest: Rest, name: str) -> None:
    for answer in (rest("GET", f"/assets/{name}"), rest("PUT", "/assets/a.b", json={}), rest("GET", "/nothing")):
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert "odata-version" not in answer.headers
        assert answer.headers["content-language"] == "en-US"
    answer = rest("PUT", f"/assets/{name}", json={"properties": None})
    assert (answer.status_code, answer.headers["odata-version"]) == (201, "4.0")
    assert answer.headers["content-type"] == "application/json; odata.metadata=minimal"


def test_a_path_with_a_slash_at_its_end_is_answered_and_leads_nowhere_else(rest: Rest, name: str) -> None:
    assert rest("PUT", f"/assets/{name}/", json={}).status_code == 201
    for path in ("/assets/", f"/assets/{name}/", "/transforms/", "/"):
        assert rest("GET", path).status_code == 200
    assert rest("GET", f"/assets/{name}%2F").status_code in (400, 404)  # which is part of a name


def test_what_is_null_has_its_default(rest: Rest, name: str) -> None:
    preset = {"@odata.type": "#Microsoft.Media.FaceDetectorPreset", "mode": None}
    output = {"onError": None, "relativePriority": None, "preset": preset}
    answer = rest("PUT", f"/transforms/{name}", json={"properties": {"outputs": [output]}})
    assert answer.status_code == 201, answer.text
    made = answer.json()["properties"]["outputs"][0]
    assert (made["onError"], made["relativePriority"]) == ("StopProcessingJob", "Normal")
    assert rest("PATCH", f"/transforms/{name}", json={"properties": {"outputs": [output]}}).status_code == 200


def test_what_the_deployment_declared_says_only_when_it_was_made_and_changed(rest: Rest) -> None:
    shown = rest("GET", "/transforms/faceredact").json()
    times = {"createdAt": "created", "lastModifiedAt": "lastModified"}
    assert shown["systemData"] == {key: shown["properties"][of] for key, of in times.items()}
