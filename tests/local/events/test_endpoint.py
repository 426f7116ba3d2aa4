"""A custom topic accepts and refuses the same requests as Event Grid's."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from local.events.endpoint import AUDIENCE, CustomTopic, TopicEndpoint
from local.events.filter import Event
from local.events.topic import Stage, Topic
from local.host.certificates import Certificates
from local.services.entra import Entra
from tests.conftest import CLIENT_ID, PRINCIPAL_ID
from tests.local.conftest import Destination, Eventually, Heard
from tests.local.events.test_topic import subscription

TOPIC_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/jobs"
EVENT = {
    "id": "1",
    "subject": "transforms/t/jobs/j",
    "eventType": "Microsoft.Media.JobFinished",
    "eventTime": "2026-11-23T10:00:00+00:00",
    "data": {"state": "Finished"},
    "dataVersion": "1.0",
}


@dataclass
class Published:
    """A topic that one identity may publish to, and what has been published."""

    endpoint: TopicEndpoint
    entra: Entra
    client: httpx.Client
    events: list[Event] = field(default_factory=list)

    def post(self, body: Any, *, principal: str = PRINCIPAL_ID, audience: str = AUDIENCE) -> httpx.Response:
        token = self.entra.token(audience, principal, CLIENT_ID)[0]
        content = body if isinstance(body, bytes) else json.dumps(body)
        return self.client.post(
            self.endpoint.url,
            params={"api-version": "2018-01-01"},
            content=content,
            headers={"authorization": f"Bearer {token}"},
        )


@pytest.fixture
def published(certificates: Certificates, entra: Entra) -> Iterator[Published]:
    with (
        TopicEndpoint(certificates) as endpoint,
        httpx.Client(verify=certificates.client_context) as client,
    ):
        found = Published(endpoint, entra, client)
        with endpoint.serving(CustomTopic(TOPIC_ID, {PRINCIPAL_ID}, entra, found.events.append)):
            yield found


def test_a_senders_events_are_taken_and_stamped_with_the_topic(published: Published) -> None:
    answer = published.post([EVENT, EVENT | {"id": "2"}])
    assert (answer.status_code, answer.content) == (200, b"")
    stamp = {"topic": TOPIC_ID, "metadataVersion": "1"}
    assert published.events == [EVENT | stamp, EVENT | stamp | {"id": "2"}]


def test_a_principal_without_the_role_is_refused(published: Published) -> None:
    answer = published.post([EVENT], principal=published.entra.developer_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")
    assert f"does not have permission to send data to {TOPIC_ID}" in answer.json()["error"]["message"]
    assert published.events == []


def test_a_token_for_something_else_is_refused(published: Published) -> None:
    assert published.post([EVENT], audience="https://storage.azure.com").status_code == 401


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer x.y.z"}, {"aeg-sas-key": "key"}])
def test_without_a_valid_token_nothing_is_taken(published: Published, header: dict[str, str]) -> None:
    address = f"{published.endpoint.url}?api-version=2018-01-01"
    assert published.client.post(address, json=[EVENT], headers=header).status_code == 401
    assert published.events == []


@pytest.mark.parametrize("missing", ["id", "subject", "eventType", "eventTime", "data", "dataVersion"])
def test_an_event_without_a_required_property_is_refused_with_all_others(published: Published, missing: str) -> None:
    broken = {name: value for name, value in EVENT.items() if name != missing}
    answer = published.post([EVENT, broken])
    assert answer.status_code == 400
    assert f"{missing} is required" in answer.json()["error"]["message"]
    assert published.events == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (EVENT, "not an array"),
        (["event"], "an event is an object"),
        ([EVENT | {"eventTime": "yesterday"}], "eventTime is 'yesterday'"),
        ([EVENT | {"topic": "/another"}], "topic is another than"),
    ],
)
def test_what_is_not_in_the_schema_is_refused(published: Published, body: Any, said: str) -> None:
    answer = published.post(body)
    assert (answer.status_code, said in answer.json()["error"]["message"]) == (400, True)


def test_more_than_a_mebibyte_is_refused(published: Published) -> None:
    events = [EVENT | {"data": {"text": "x" * 2**20}}]
    assert published.post(events).status_code == 413
    assert published.post([EVENT | {"data": {"text": "x" * (2**20 - 1000)}}]).status_code == 200


def test_another_api_version_is_refused(published: Published) -> None:
    address = f"{published.endpoint.url}?api-version=2017-01-01"
    assert published.client.post(address, json=[EVENT]).status_code == 400


def test_a_topic_that_is_not_there_yet_is_worth_another_try(certificates: Certificates, entra: Entra) -> None:
    with TopicEndpoint(certificates) as endpoint, httpx.Client(verify=certificates.client_context) as client:
        assert Published(endpoint, entra, client).post([EVENT]).status_code == 503


def test_subscribers_get_what_is_published(
    certificates: Certificates, entra: Entra, destination: Destination, heard: Heard, eventually: Eventually
) -> None:
    wanted = subscription(destination.url, filter={"includedEventTypes": ["Microsoft.Media.JobFinished"]})
    with (
        Topic([wanted], listener=heard) as topic,
        TopicEndpoint(certificates) as endpoint,
        endpoint.serving(CustomTopic(TOPIC_ID, {PRINCIPAL_ID}, entra, topic.publish)),
        httpx.Client(verify=certificates.client_context) as client,
    ):
        events = [EVENT, EVENT | {"eventType": "Microsoft.Media.JobProcessing", "id": "2"}]
        assert Published(endpoint, entra, client).post(events).status_code == 200
        eventually(lambda: heard.has(Stage.DELIVERED))
    assert [each["id"] for each in destination.events] == ["1"]
    assert destination.events[0]["topic"] == TOPIC_ID
