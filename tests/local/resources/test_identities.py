"""Identities and their roles follow the graph."""

from typing import Any

import pytest

from local.graph.program import Graph, Resource
from local.resources.identities import event_senders

GROUP = "/subscriptions/s/resourceGroups/g"
TOPIC_ID = f"{GROUP}/providers/Microsoft.EventGrid/topics/jobs"
SENDER = "d5a91429-5739-47e2-a06b-3470a27159e7"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


def resource(kind: str, resource_id: str, **inputs: Any) -> Resource:
    return Resource(kind, "name", "urn", resource_id, inputs, inputs, frozenset())


TOPIC = resource("eventgrid:Topic", TOPIC_ID)


@pytest.mark.parametrize(
    ("role", "scope", "may"),
    [
        (SENDER, TOPIC_ID, True),
        (SENDER, TOPIC_ID.upper(), True),
        (SENDER, GROUP, True),
        (READER, TOPIC_ID, False),
        (SENDER, f"{TOPIC_ID}2", False),
        (SENDER, f"{GROUP}/providers/Microsoft.EventGrid/topics/job", False),
    ],
)
def test_events_are_taken_from_those_who_have_the_role_at_the_topic_or_above_it(
    role: str, scope: str, may: bool
) -> None:
    definition = f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{role}"
    grant = resource(
        "authorization:RoleAssignment", f"{scope}/x", scope=scope, principalId="p", roleDefinitionId=definition
    )
    assert event_senders(Graph([TOPIC, grant]), TOPIC) == ({"p"} if may else frozenset())
