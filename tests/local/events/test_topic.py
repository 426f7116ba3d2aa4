import json
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from local.events import delivery
from local.events.dead_letters import DeadLetterDestination, DeadLetters
from local.events.delivery import RetryPolicy, RetryPolicyError, RetrySchedule
from local.events.topic import Stage, Subscription, SubscriptionError, Topic
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.local.conftest import Destination, Eventually, Heard

QUICK = RetrySchedule(seconds=(0.01,), least={})


def event(number: int = 1, api: str = "PutBlob") -> dict[str, Any]:
    return {
        "topic": "/lake",
        "subject": "/blobServices/default/containers/raw/blobs/a.mp4",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": "2026-11-23T10:00:00.0000000Z",
        "id": str(number),
        "data": {"api": api},
        "dataVersion": "",
        "metadataVersion": "1",
    }


def subscription(
    endpoint: str, dead_letters: DeadLetters | None = None, attempts: int = 3, **inputs: Any
) -> Subscription:
    declared = {"eventSubscriptionName": "uploads", "retryPolicy": {"maxDeliveryAttempts": attempts}} | inputs
    return Subscription.declared(declared, endpoint=endpoint, dead_letters=dead_letters)


@pytest.fixture
def dead_letters(azurite: Azurite, entra: Entra, unique: str) -> DeadLetters:
    endpoint = azurite.endpoints["media1"].blob
    with BlobServiceClient(endpoint, azurite.account_key("media1")) as account:
        account.create_container(unique)
    return DeadLetters(endpoint, unique, entra.credential())


def letters(at: DeadLetters) -> dict[str, Any]:
    with (
        BlobServiceClient(at.endpoint, at.credential) as account,
        account.get_container_client(at.container) as container,
    ):
        return {name: json.loads(container.download_blob(name).readall()) for name in container.list_blob_names()}


def test_an_event_is_delivered_as_it_was_published(
    destination: Destination, heard: Heard, eventually: Eventually
) -> None:
    with Topic([subscription(destination.url)], listener=heard) as topic:
        topic.publish(event())
        eventually(lambda: heard.has(Stage.DELIVERED))
    assert destination.events == [event()]
    assert destination.headers[0]["aeg-event-type"] == "Notification"
    assert heard.stages() == [Stage.PUBLISHED, Stage.DELIVERED]


def test_the_same_event_can_be_delivered_twice(destination: Destination, eventually: Eventually) -> None:
    with Topic([subscription(destination.url)]) as topic:
        topic.publish(event())
        topic.publish(event())
        eventually(lambda: len(destination.events) == 2)
    assert destination.events == [event(), event()]


def test_what_the_filter_does_not_want_never_arrives(
    destination: Destination, heard: Heard, eventually: Eventually
) -> None:
    api = {"operatorType": "StringIn", "key": "data.api", "values": ["PutBlob"]}
    with Topic([subscription(destination.url, filter={"advancedFilters": [api]})], listener=heard) as topic:
        topic.publish(event(1, "CreateFile"))
        topic.publish(event(2))
        eventually(lambda: heard.has(Stage.DELIVERED))
    assert [taken["id"] for taken in destination.events] == ["2"]
    assert heard.last(Stage.FILTERED_OUT).event["id"] == "1"


def test_only_what_no_subscription_wants_is_filtered_out(
    destination: Destination, heard: Heard, eventually: Eventually
) -> None:
    """With one subscription per ending, all but one of them filter an upload out."""
    both = [
        replace(subscription(destination.url, filter={"subjectEndsWith": ending}), name=ending)
        for ending in (".mp4", ".mov")
    ]
    with Topic(both, listener=heard) as topic:
        for number, name in enumerate(("a.mov", "b.mp4", "c.txt")):
            topic.publish(event(number) | {"subject": f"/blobServices/default/containers/raw/blobs/{name}"})
        eventually(lambda: len(destination.events) == 2)
    assert {taken["id"] for taken in destination.events} == {"0", "1"}
    unwanted = [notice.event["id"] for notice in heard.notices if notice.stage is Stage.FILTERED_OUT]
    assert unwanted == ["2"]


def test_a_failed_delivery_is_repeated_until_it_succeeds(
    destination: Destination, heard: Heard, eventually: Eventually
) -> None:
    destination.statuses = [500, 503, 200]
    with Topic([subscription(destination.url)], listener=heard, schedule=QUICK) as topic:
        topic.publish(event())
        eventually(lambda: heard.has(Stage.DELIVERED))
    assert heard.stages() == [Stage.PUBLISHED, Stage.RETRYING, Stage.RETRYING, Stage.DELIVERED]
    assert heard.last(Stage.DELIVERED).attempts == 3
    assert [headers["aeg-delivery-count"] for headers in destination.headers] == ["0", "1", "2"]


def test_deliveries_do_not_wait_for_each_other(destination: Destination, heard: Heard, eventually: Eventually) -> None:
    destination.hold = Event()
    with Topic([subscription(destination.url)], listener=heard) as topic:
        for number in range(10):
            topic.publish(event(number))
        eventually(lambda: len(destination.events) == 10)
        assert not heard.has(Stage.DELIVERED)
        destination.hold.set()
        eventually(lambda: heard.stages().count(Stage.DELIVERED) == 10)


def test_an_event_that_fails_too_often_becomes_a_dead_letter(
    destination: Destination, dead_letters: DeadLetters, heard: Heard, eventually: Eventually
) -> None:
    destination.statuses = [500]
    with Topic([subscription(destination.url, dead_letters)], listener=heard, schedule=QUICK) as topic:
        topic.publish(event())
        eventually(lambda: heard.has(Stage.DEAD_LETTERED))
    assert len(destination.events) == 3
    ((name, (letter,)),) = letters(dead_letters).items()
    now = datetime.now(UTC)
    assert name.startswith(f"UPLOADS/{now.year}/{now.month}/{now.day}/")
    assert name == heard.last(Stage.DEAD_LETTERED).detail
    assert {key: letter[key] for key in event()} == event()
    assert letter["deadLetterReason"] == "MaxDeliveryAttemptsExceeded"
    assert (letter["deliveryAttempts"], letter["lastDeliveryOutcome"]) == (3, "InternalServerError")
    published, attempted = (datetime.fromisoformat(letter[key]) for key in ("publishTime", "lastDeliveryAttemptTime"))
    assert published < attempted


@pytest.mark.parametrize(("status", "name"), [(400, "BadRequest"), (403, "Forbidden"), (413, "RequestEntityTooLarge")])
def test_what_another_attempt_cannot_change_is_dead_lettered_at_once(
    destination: Destination, dead_letters: DeadLetters, heard: Heard, eventually: Eventually, status: int, name: str
) -> None:
    destination.statuses = [status]
    with Topic([subscription(destination.url, dead_letters)], listener=heard, schedule=QUICK) as topic:
        topic.publish(event())
        eventually(lambda: heard.has(Stage.DEAD_LETTERED))
    assert len(destination.events) == 1
    ((letter,),) = letters(dead_letters).values()
    assert letter["deadLetterReason"] == f"UndeliverableDueToHttp{name}"


def test_an_event_that_is_too_old_becomes_a_dead_letter(
    destination: Destination, dead_letters: DeadLetters, heard: Heard, eventually: Eventually
) -> None:
    destination.statuses = [500]
    short = subscription(destination.url, dead_letters)
    short = Subscription(short.name, short.endpoint, short.filter, RetryPolicy(30, 0.2), dead_letters)
    with Topic([short], listener=heard, schedule=RetrySchedule((60,), {})) as topic:
        topic.publish(event())
        eventually(lambda: heard.has(Stage.DEAD_LETTERED))
    ((letter,),) = letters(dead_letters).values()
    assert (letter["deadLetterReason"], letter["deliveryAttempts"]) == ("TimeToLiveExceeded", 1)


def test_without_a_destination_for_dead_letters_the_event_is_dropped(
    destination: Destination, heard: Heard, eventually: Eventually
) -> None:
    destination.statuses = [400]
    with Topic([subscription(destination.url)], listener=heard) as topic:
        topic.publish(event())
        eventually(lambda: heard.has(Stage.DROPPED))


def test_a_dead_letter_that_cannot_be_written_is_tried_again(
    azurite: Azurite, entra: Entra, unique: str, destination: Destination, heard: Heard, eventually: Eventually
) -> None:
    destination.statuses = [400]
    endpoint = azurite.endpoints["media1"].blob
    missing = DeadLetters(endpoint, unique, entra.credential())
    with Topic([subscription(destination.url, missing)], listener=heard, schedule=QUICK) as topic:
        topic.publish(event())
        eventually(lambda: heard.has(Stage.DEAD_LETTERING_FAILED))
        with BlobServiceClient(endpoint, azurite.account_key("media1")) as account:
            account.create_container(unique)
        eventually(lambda: heard.has(Stage.DEAD_LETTERED))
    assert len(letters(missing)) == 1


def test_nobody_listening_counts_as_a_failed_attempt(heard: Heard, eventually: Eventually) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        unreachable = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        with Topic([subscription(unreachable)], listener=heard, schedule=QUICK) as topic:
            topic.publish(event())
            eventually(lambda: heard.has(Stage.DROPPED))
    assert heard.last(Stage.RETRYING).detail.startswith("SocketError: ConnectError")


def test_no_answer_in_time_counts_as_a_failed_attempt(
    destination: Destination, heard: Heard, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "ANSWER_SECONDS", 0.1)
    destination.hold = Event()
    with Topic([subscription(destination.url)], listener=heard, schedule=QUICK) as topic:
        topic.publish(event())
        eventually(lambda: heard.has(Stage.RETRYING))
        destination.hold.set()
        eventually(lambda: heard.has(Stage.DELIVERED))
    assert heard.notices[1].detail == "TimedOut: no answer within 0.1 s"


def test_a_restart_goes_on_with_what_was_not_delivered_and_only_that(
    destination: Destination, heard: Heard, eventually: Eventually, tmp_path: Path
) -> None:
    destination.statuses = [200, 500]
    slow = RetrySchedule((0.5,), {})
    with Topic([subscription(destination.url)], listener=heard, schedule=slow, state=tmp_path) as topic:
        topic.publish(event(1))
        eventually(lambda: heard.has(Stage.DELIVERED))
        topic.publish(event(2))
        eventually(lambda: heard.has(Stage.RETRYING))
    destination.statuses = [200]
    with Topic([subscription(destination.url)], listener=heard, schedule=slow, state=tmp_path):
        eventually(lambda: heard.stages().count(Stage.DELIVERED) == 2)
    assert [taken["id"] for taken in destination.events] == ["1", "2", "2"]
    assert heard.last(Stage.DELIVERED).attempts == 2
    with Topic([subscription(destination.url)], listener=heard, state=tmp_path) as topic:
        topic.publish(event(3))
        eventually(lambda: heard.stages().count(Stage.DELIVERED) == 3)
    assert len(destination.events) == 4


def test_the_schedule_is_event_grids() -> None:
    schedule = RetrySchedule()
    waits = [schedule.delay(attempts, 500) for attempts in range(1, 13)]
    assert waits == [10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200, 43200, 43200]
    assert [schedule.delay(1, status) for status in (401, 404, 408, 503)] == [300, 300, 120, 30]


def test_a_declared_policy_is_kept_to() -> None:
    assert RetryPolicy.declared({}) == RetryPolicy(30, 86_400)
    assert RetryPolicy.declared({"maxDeliveryAttempts": 4.0, "eventTimeToLiveInMinutes": 5.0}) == RetryPolicy(4, 300)
    with pytest.raises(RetryPolicyError, match=r"^retryPolicy.maxDeliveryAttempts is 31; allowed are 1 to 30$"):
        RetryPolicy.declared({"maxDeliveryAttempts": 31})


def test_another_schema_is_refused() -> None:
    with pytest.raises(SubscriptionError, match="CloudEventSchemaV1_0; allowed is EventGridSchema"):
        subscription("http://127.0.0.1/", eventDeliverySchema="CloudEventSchemaV1_0")


def test_the_declared_dead_letter_destination_is_found_with_and_without_identity() -> None:
    where = {"endpointType": "StorageBlob", "resourceId": "/media", "blobContainerName": "dead"}
    found = DeadLetterDestination("/media", "dead")
    assert DeadLetterDestination.declared({"deadLetterDestination": where}) == found
    identity = {"type": "SystemAssigned"}
    by_identity = {"deadLetterWithResourceIdentity": {"identity": identity, "deadLetterDestination": where}}
    assert DeadLetterDestination.declared(by_identity) == found
    assert DeadLetterDestination.declared({}) is None
