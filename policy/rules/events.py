"""Undeliverable events are kept, and events are published with tokens only."""

from collections.abc import Iterator

from policy.rules.rule import UNKNOWN, Declared, Rule

_SUBSCRIPTIONS = {
    "eventgrid:DomainEventSubscription",
    "eventgrid:DomainTopicEventSubscription",
    "eventgrid:EventSubscription",
    "eventgrid:PartnerTopicEventSubscription",
    "eventgrid:SystemTopicEventSubscription",
    "eventgrid:TopicEventSubscription",
}


def _dropped(resource: Declared) -> Iterator[str]:
    if resource.kind in _SUBSCRIPTIONS and not (
        resource.at("deadLetterWithResourceIdentity.deadLetterDestination") or resource.at("deadLetterDestination")
    ):
        yield "set deadLetterWithResourceIdentity, or events that cannot be delivered are dropped after a day"


def _topic_keys(resource: Declared) -> Iterator[str]:
    # a topic accepts keys by default
    if resource.kind == "eventgrid:Topic" and resource.at("disableLocalAuth") not in {True, UNKNOWN}:
        yield "set disableLocalAuth to True and grant EventGrid Data Sender to the publisher"


DEAD_LETTERS = Rule("dead-letters", "Every event subscription keeps undeliverable events.", _dropped)
NO_TOPIC_KEYS = Rule("no-topic-keys", "Topics accept Entra tokens only, no shared keys.", _topic_keys)
