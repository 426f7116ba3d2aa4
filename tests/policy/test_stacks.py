"""Both stacks, before and after their creation, break none of the rules."""

from typing import Any

import pytest
from pulumi.output import Unknown

from local.graph.program import Graph
from policy.rules import RULES, UNKNOWN, Declared, kind_of
from policy.rules.tags import TAGLESS
from tests.stack.conformity import args_class, token_of
from tests.stack.conftest import graph_of


@pytest.fixture(
    scope="module",
    params=[
        ("dev", "", False),
        ("dev", "", True),
        ("dev", "everything", False),
        ("dev", "given", False),
        ("ams", "", False),
        ("ams", "", True),
    ],
    ids=["dev", "dev-preview", "dev-everything", "dev-given", "ams", "ams-preview"],
)
def graph(request: pytest.FixtureRequest) -> Graph:
    stack, variant, preview = request.param
    return graph_of(stack, variant, preview=preview)


def plain(value: Any) -> Any:
    """Return inputs in the pack's form."""
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def test_the_stack_breaks_no_rule(graph: Graph) -> None:
    kinds = [(each, kind_of(token_of(each))) for each in graph.resources]
    found = [
        f"{rule.name}: {resource.name}: {breach}"
        for resource, kind in kinds
        if kind
        for rule in RULES
        for breach in rule.breaches(Declared(kind, plain(dict(resource.inputs))))
    ]
    assert not found


def test_what_is_excused_from_tags_takes_none(graph: Graph) -> None:
    for resource in graph.resources:
        if kind := kind_of(token_of(resource)):
            takes_tags = hasattr(args_class(token_of(resource)), "tags")
            assert takes_tags != (kind in TAGLESS), f"{kind} is wrong about tags: see TAGLESS in policy/rules/tags.py"
