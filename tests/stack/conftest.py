"""The program, run once per stack, mode and settings."""

import functools
from pathlib import Path

import pytest

from local.graph.program import Graph, run_program
from tests.stack.variants import VARIANTS
from tests.stacks import shipped_stack

PROGRAM = Path(__file__).parents[2]
DEPLOYER = "11111111-0000-0000-0000-000000000000"


class AzureAddresses:
    """Public Azure's hosts."""

    def storage(self, account: str) -> dict[str, str]:
        return {
            service: f"https://{account}.{service}.core.windows.net/" for service in ("blob", "dfs", "queue", "table")
        }

    def container_app(self, name: str) -> str:
        return f"{name}.example.westeurope.azurecontainerapps.io"

    def topic(self, name: str) -> str:
        return f"https://{name}.westeurope-1.eventgrid.azure.net/api/events"

    def web_app(self, name: str) -> str:
        return f"{name}.azurewebsites.net"


def run(stack: str, *, preview: bool = False, **changes: str) -> Graph:
    """Run the program anew."""
    return run_program(
        PROGRAM,
        shipped_stack(stack, changes),
        tenant_id="99999999-8888-7777-6666-555555555555",
        deployer_id=DEPLOYER,
        addresses=AzureAddresses(),
        preview=preview,
    )


@functools.cache
def graph_with(stack: str, *, preview: bool = False, **changes: str) -> Graph:
    """Return a stack's graph with other settings. Tests share it, so none may change it."""
    return run(stack, preview=preview, **changes)


def graph_of(stack: str, variant: str = "", *, preview: bool = False) -> Graph:
    """Return a stack's graph as it is, or in a variant, which more tests share than settings of their own."""
    return graph_with(stack, preview=preview, **VARIANTS[variant])


@pytest.fixture(scope="session")
def dev() -> Graph:
    return graph_of("dev")


@pytest.fixture(scope="session")
def ams() -> Graph:
    return graph_of("ams")


@pytest.fixture(scope="session")
def dev_preview() -> Graph:
    return graph_of("dev", preview=True)


@pytest.fixture(scope="session")
def ams_preview() -> Graph:
    return graph_of("ams", preview=True)


@pytest.fixture(params=["dev", "ams"])
def graph(request: pytest.FixtureRequest) -> Graph:
    """Either stack's graph, as `pulumi up` makes it."""
    found: Graph = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["dev", "ams", "dev_preview", "ams_preview"])
def any_graph(request: pytest.FixtureRequest) -> Graph:
    """Either stack's graph, also as in `pulumi preview` on an empty state, in which Azure's answers are unknown."""
    found: Graph = request.getfixturevalue(request.param)
    return found
