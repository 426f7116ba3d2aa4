"""A budget for the resource group, with a mail before a month costs more than intended."""

from datetime import UTC, datetime

import pulumi
from pulumi_azure_native.consumption import v20240801 as consumption

from stack.place import Place

# Percent of the budget. The last one applies to Azure's forecast for the month.
_NOTICES = {
    "spent-80": (80, consumption.ThresholdType.ACTUAL),
    "spent-100": (100, consumption.ThresholdType.ACTUAL),
    "forecast-100": (100, consumption.ThresholdType.FORECASTED),
}


def make_budget(place: Place, amount: int, email: str) -> consumption.Budget:
    """Declare a monthly budget of `amount` in the subscription's currency. It sends mail to `email` only."""
    return consumption.Budget(
        place.name("budget"),
        budget_name=f"{place.prefix}-budget",
        scope=place.group_id,
        category=consumption.CategoryType.COST,
        amount=amount,
        time_grain=consumption.TimeGrainType.MONTHLY,
        # Azure requires the first day of the month of its creation, and keeps it.
        time_period=consumption.BudgetTimePeriodArgs(start_date=f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"),
        notifications={
            name: consumption.NotificationArgs(
                enabled=True,
                operator=consumption.OperatorType.GREATER_THAN_OR_EQUAL_TO,
                threshold=threshold,
                threshold_type=kind,
                contact_emails=[email],
            )
            for name, (threshold, kind) in _NOTICES.items()
        },
        opts=pulumi.ResourceOptions(ignore_changes=["timePeriod"]),
    )
