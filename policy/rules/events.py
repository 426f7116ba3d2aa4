"""No event is lost: what cannot be delivered is kept."""

from collections.abc import Iterator

from policy.rules.rule import Declared, Rule

_SUBSCRIPTIONS = {
    "eventgrid:DomainEventSubscription",
    "eventgrid:DomainTopicEventSubscription",
    "eventgrid:EventSubscription",
    "eventgrid:PartnerTopicEventSubscription",
    "eventgrid:SystemTopicEventSubscription",
    "eventgrid:TopicEventSubscription",
}


def _breaches(resource: Declared) -> Iterator[str]:
    if resource.kind in _SUBSCRIPTIONS and not (
        resource.at("deadLetterWithResourceIdentity.deadLetterDestination") or resource.at("deadLetterDestination")
    ):
        yield "set deadLetterWithResourceIdentity, or events that cannot be delivered are dropped after a day"


DEAD_LETTERS = Rule("dead-letters", "Every event subscription keeps what it cannot deliver.", _breaches)
