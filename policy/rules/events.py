"""No event is lost, what cannot be delivered is kept; and none is published without a token."""

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
    # a topic that does not say so takes them
    if resource.kind == "eventgrid:Topic" and resource.at("disableLocalAuth") not in {True, UNKNOWN}:
        yield "set disableLocalAuth to True and grant EventGrid Data Sender to what publishes"


DEAD_LETTERS = Rule("dead-letters", "Every event subscription keeps what it cannot deliver.", _dropped)
NO_TOPIC_KEYS = Rule("no-topic-keys", "Topics take events with Entra tokens only, no shared keys.", _topic_keys)
