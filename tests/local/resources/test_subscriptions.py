"""The local destinations of the graph's subscriptions."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from local.events.handshake import Handshakes
from local.events.topic import Subscription
from local.graph.program import Graph, ProgramError
from local.host.certificates import Certificates
from local.resources.subscriptions import Subscriptions
from local.services.azurite import Azurite
from local.services.entra import Entra
from local.services.function_app import FunctionApp
from tests.local.resources.test_identities import TOPIC, TOPIC_ID, resource

WEB_HOOK = {"endpointType": "WebHook", "endpointUrl": "https://example.com/hook"}


@pytest.fixture
def handshakes(certificates: Certificates) -> Iterator[Handshakes]:
    with Handshakes(certificates) as running:
        yield running


@pytest.fixture
def found(azurite: Azurite, entra: Entra, handshakes: Handshakes) -> Any:
    def of(
        destination: dict[str, Any], topic: str = TOPIC_ID, kind: str = "TopicEventSubscription", **inputs: Any
    ) -> list[Subscription]:
        declared = {"eventSubscriptionName": "finished", "destination": destination, **inputs}
        at = f"{topic}/providers/Microsoft.EventGrid" if kind == "EventSubscription" else topic
        graph = Graph([TOPIC, resource(f"eventgrid:{kind}", f"{at}/eventSubscriptions/finished", **declared)])
        app = FunctionApp(Path("nowhere"), {}, log=Path("nowhere"))
        return Subscriptions(graph, app, azurite, entra, handshakes).of(TOPIC)

    return of


@pytest.mark.parametrize("kind", ["TopicEventSubscription", "EventSubscription"])
def test_a_web_hook_gets_what_its_filter_lets_through(found: Any, kind: str) -> None:
    wanted = {"includedEventTypes": ["Microsoft.Media.JobFinished"]}
    (subscription,) = found(WEB_HOOK, kind=kind, filter=wanted)
    assert (subscription.name, subscription.endpoint) == ("finished", "https://example.com/hook")
    assert subscription.filter.admits({"eventType": "Microsoft.Media.JobFinished", "subject": "j"})
    assert not subscription.filter.admits({"eventType": "Microsoft.Media.JobErrored", "subject": "j"})
    assert isinstance(subscription.handshake, partial)
    assert subscription.handshake.args == (TOPIC_ID, "finished", "https://example.com/hook")


def test_a_subscription_at_another_topic_is_not_the_topics(found: Any) -> None:
    assert found(WEB_HOOK, f"{TOPIC_ID}-2") == []


@pytest.mark.parametrize(
    ("destination", "inputs", "said"),
    [
        ({"endpointType": "EventHub"}, {}, "its destination is EventHub; allowed here are AzureFunction and WebHook"),
        (WEB_HOOK, {"retryPolicy": {"maxDeliveryAttempts": 31}}, "retryPolicy.maxDeliveryAttempts is 31; allowed"),
        (WEB_HOOK, {"filter": {"subjectContains": "x"}}, "subjectContains"),
    ],
)
def test_what_cannot_be_made_real_is_one_line_that_names_it(
    found: Any, destination: dict[str, Any], inputs: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProgramError) as stopped:
        found(destination, **inputs)
    assert str(stopped.value).startswith("the subscription name: ")
    assert said in str(stopped.value)
    assert "\n" not in str(stopped.value)
