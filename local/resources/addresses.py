"""The local addresses of the graph's resources."""

from collections.abc import Mapping
from contextlib import ExitStack

from local.events.endpoint import TopicEndpoint
from local.host.certificates import Certificates
from local.host.ports import free_port
from local.services import azurite
from local.services.ingress import Ingress


class LocalAddresses:
    """Local addresses. An ingress opens when the program asks for its app's address, and closes with `life`."""

    def __init__(self, ports: Mapping[str, int], trust: Certificates, life: ExitStack) -> None:
        self._ports, self._trust, self._life = ports, trust, life
        self.backends: dict[str, int] = {}  # app → the port that its process must listen on
        self.urls: dict[str, str] = {}
        self.topics: dict[str, TopicEndpoint] = {}

    def storage(self, account: str) -> dict[str, str]:
        at = azurite.endpoints(account, self._ports)
        # Azurite has no dfs endpoint. Its blob endpoint serves the requests that it supports.
        return {"blob": at.blob, "dfs": at.blob, "queue": at.queue, "table": at.table}

    def container_app(self, name: str) -> str:
        if name not in self.urls:
            self.backends[name] = free_port()
            self.urls[name] = self._life.enter_context(Ingress(self.backends[name], self._trust)).url
        return self.urls[name].removeprefix("https://")

    def topic(self, name: str) -> str:
        if name not in self.topics:
            self.topics[name] = self._life.enter_context(TopicEndpoint(self._trust))
        return self.topics[name].url

    def web_app(self, name: str) -> str:
        return f"{name}.localhost"  # only events reach the function
