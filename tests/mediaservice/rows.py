"""The rows of a deployment's tables and the messages of its queue, read and written as they are."""

from collections.abc import Callable, Mapping
from typing import Any

from azure.data.tables import UpdateMode

from mediaservice.store.tables import keys
from tests.mediaservice.deployment import Deployment

Row = dict[str, Any]
TABLES = ("ASSETS_TABLE", "TRANSFORMS_TABLE", "JOBS_TABLE")


def rows(deployment: Deployment) -> dict[str, list[Row]]:
    """Return all rows by table."""
    with deployment.tables as tables:
        return {
            table: [dict(row) for row in tables.get_table_client(deployment.environment[table]).list_entities()]
            for table in TABLES
        }


def job_rows(deployment: Deployment, name: str) -> list[Row]:
    """Return all rows of a job, with their ETags."""
    with deployment.tables as tables, tables.get_table_client(deployment.environment["JOBS_TABLE"]) as table:
        found = table.query_entities("Name eq @name", parameters={"name": keys.of_name(name)})
        return [dict(row) | {"etag": row.metadata["etag"]} for row in found]


def change_job_rows(deployment: Deployment, name: str, change: Callable[[Row], Row]) -> None:
    with deployment.tables as tables, tables.get_table_client(deployment.environment["JOBS_TABLE"]) as table:
        for row in table.query_entities("Name eq @name", parameters={"name": keys.of_name(name)}):
            table.update_entity(change(dict(row)), mode=UpdateMode.REPLACE)


def remove_job_rows(deployment: Deployment, name: str) -> None:
    with deployment.tables as tables, tables.get_table_client(deployment.environment["JOBS_TABLE"]) as table:
        for row in table.query_entities("Name eq @name", parameters={"name": keys.of_name(name)}):
            table.delete_entity(row)


def restore(deployment: Deployment, kept: Mapping[str, list[Row]]) -> None:
    """Make the tables as they were."""
    with deployment.tables as tables:
        for name, wanted in kept.items():
            with tables.get_table_client(deployment.environment[name]) as table:
                for row in table.list_entities(select=["PartitionKey", "RowKey"]):
                    table.delete_entity(row["PartitionKey"], row["RowKey"])
                for each in wanted:
                    table.create_entity(each)
