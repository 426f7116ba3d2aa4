"""Hidden costs are reported: results without an expiry, and a budget if there is one."""

import pytest

from local.graph.program import PROGRAM_LOGGER, Graph
from tests.stack.conftest import graph_of, run


def warnings(caplog: pytest.LogCaptureFixture, **changes: str) -> list[str]:
    with caplog.at_level("WARNING", logger=PROGRAM_LOGGER):
        run("dev", preview=True, **changes)
    return [record.message for record in caplog.records if "resultDays" in record.message]


def test_results_that_are_kept_for_ever_are_warned_of_until_somebody_has_chosen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (warning,) = warnings(caplog, resultDays="")
    assert "pulumi config set resultDays" in warning
    assert "\n" not in warning


@pytest.mark.parametrize("days", ["0", "90"])
def test_either_choice_ends_the_warning(caplog: pytest.LogCaptureFixture, days: str) -> None:
    assert not warnings(caplog, resultDays=days)


def test_a_budget_notifies_the_alerts_address_before_and_when_it_is_spent(dev: Graph) -> None:
    assert not dev.of("consumption:Budget")
    graph = graph_of("dev", "everything")
    budget = graph.one("consumption:Budget").inputs
    assert (budget["amount"], budget["timeGrain"], budget["category"]) == (200, "Monthly", "Cost")
    assert budget["scope"] == graph.one("resources:ResourceGroup").id
    assert budget["timePeriod"]["startDate"].endswith("-01T00:00:00Z")
    notices = {(each["threshold"], each["thresholdType"]) for each in budget["notifications"].values()}
    assert notices == {(80, "Actual"), (100, "Actual"), (100, "Forecasted")}
    assert {tuple(each["contactEmails"]) for each in budget["notifications"].values()} == {("operator@example.com",)}
