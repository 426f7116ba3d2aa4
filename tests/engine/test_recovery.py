"""Failures: what passes is waited for, what stays stops the deployment, and the next `up` goes on from there."""

import pytest
from pulumi.automation import CommandError

from tests.engine.azure import Action, Operation
from tests.engine.conftest import Deployed, Place

SITE = Operation(Action.CREATE, "web:WebApp", "faces-function")
REFUSED = 'Code="InvalidParameter" Message="The site is not to be."'


def test_a_failure_that_stays_stops_at_once_and_the_next_up_goes_on_from_there(
    empty: Place, deployed: Deployed
) -> None:
    stack = empty.stack()
    empty.azure.refuse(SITE, REFUSED)
    with pytest.raises(CommandError, match="The site is not to be"):
        stack.up()
    assert empty.azure.refused == [SITE]
    made = set(empty.azure.resources)
    assert made
    empty.azure.permit()
    empty.azure.journal.clear()
    stack.up()
    assert {each.action for each in empty.azure.journal} == {Action.CREATE}
    assert SITE in empty.azure.journal
    assert made < set(empty.azure.resources)
    assert len(empty.azure.resources) == len(deployed.azure.resources)
