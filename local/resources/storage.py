"""The graph's storage accounts in Azurite, with the declared containers, queues and tables."""

from contextlib import suppress

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.graph.program import Graph
from local.services.azurite import Azurite


def account_names(graph: Graph) -> list[str]:
    """Return the accounts that Azurite must know from its start."""
    return [str(account.state["name"]) for account in graph.of("storage:StorageAccount")]


def make_storage(graph: Graph, azurite: Azurite) -> None:
    """Create the containers, queues and tables that the graph declares. Existing ones stay as they are."""
    for container in graph.of("storage:BlobContainer"):
        make_container(azurite, container.inputs["accountName"], container.inputs["containerName"])
    for queue in graph.of("storage:Queue"):
        make_queue(azurite, queue.inputs["accountName"], queue.inputs["queueName"])
    for table in graph.of("storage:Table"):
        make_table(azurite, table.inputs["accountName"], table.inputs["tableName"])


def make_container(azurite: Azurite, account: str, name: str) -> None:
    """Create a blob container unless it exists."""
    key = azurite.account_key(account)
    with (
        BlobServiceClient(azurite.endpoints[account].blob, credential=key) as service,
        suppress(ResourceExistsError),
    ):
        service.create_container(name)


def make_queue(azurite: Azurite, account: str, name: str) -> None:
    """Create a queue unless it exists."""
    key = azurite.account_key(account)
    with (
        QueueServiceClient(azurite.endpoints[account].queue, credential=key) as service,
        suppress(ResourceExistsError),
    ):
        service.create_queue(name)


def make_table(azurite: Azurite, account: str, name: str) -> None:
    """Create a table unless it exists."""
    key = azurite.account_key(account)
    with TableServiceClient(azurite.endpoints[account].table, credential=key) as service:
        service.create_table_if_not_exists(name)
