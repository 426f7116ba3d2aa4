"""A substitute for Azure Resource Manager, for all stacks: its resources, permissions, refusals and requests."""

import math
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from local.graph.outputs import Addresses, Made, kind_of, make

_GROUP = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+")
_FUNCTION = re.compile(r"(?P<site>.+/Microsoft\.Web/sites/[^/]+)/functions/[^/]+")


class Action(StrEnum):
    """A change of a resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Operation:
    """A change that was made, to a resource of this kind and with this name in the program."""

    action: Action
    kind: str
    name: str


@dataclass(frozen=True)
class Held:
    """An existing resource: the last `inputs`, and its `state` as Azure returns it."""

    kind: str
    name: str
    inputs: Mapping[str, Any]
    state: Mapping[str, Any]


@dataclass
class _Refusal:
    operation: Operation
    message: str
    left: float


class RefusedError(Exception):
    """A refusal, with Azure's message."""


class BrokenError(Exception):
    """A resource that exists but failed: azure-native's "initialization failed"."""

    def __init__(self, message: str, resource_id: str, state: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.resource_id, self.state = resource_id, state


class Storage(Addresses, Protocol):
    """The data plane of storage accounts."""

    def make_container(self, account: str, name: str) -> None: ...

    def fetch(self, link: str) -> bytes | None:
        """Return the content of an address without a token, or None."""
        ...

    def sources(self, location: str) -> bytes | None:
        """Return the sources uploaded to a registry, or None."""
        ...


@dataclass
class Azure:
    """The substitute, stricter than Azure where that is simpler: resources must outlive their dependants.

    `code` is what each site runs, by its id: the package that One Deploy took last. `listed` are the sites that list
    their functions, which they do once their triggers have been synced. `build_logs` are those of the registries' next
    builds that fail. Not for two tests at a time.
    """

    storage: Storage
    tenant_id: str
    deployer_id: str
    resources: dict[str, Held] = field(default_factory=dict)
    code: dict[str, bytes] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    unready_syncs: int = 0  # the number of syncs that find the host still starting
    builds: list[str] = field(default_factory=list)  # the sources of each successful build
    build_logs: list[str] = field(default_factory=list)
    journal: list[Operation] = field(default_factory=list)
    refused: list[Operation] = field(default_factory=list)
    _refusals: list[_Refusal] = field(default_factory=list)
    _breaks: list[_Refusal] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, operation: Operation, message: str, *, times: float = math.inf) -> None:
        """Refuse an operation with `message`, always or that many times. `refused` records each time."""
        self._refusals.append(_Refusal(operation, message, times))

    def break_after(self, operation: Operation, message: str, *, times: float) -> None:
        """Create the resource and then fail with `message`, that many times. `refused` records each time.

        So do long operations of Azure's: they are accepted, the resource is there, and it never becomes ready. While
        that is so, its updates fail likewise.
        """
        self._breaks.append(_Refusal(operation, message, times))

    def create(self, urn: str, inputs: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Create a resource. Return its id and state. Raises RefusedError, also if it exists."""
        operation = _operation(Action.CREATE, urn)
        with self._lock:
            made = self._make(urn, inputs)
            if made.id in self.resources:
                raise RefusedError(f"cannot create already existing resource '{made.id}'")
            state = self._put(operation, made.id, inputs, made.state)
            self._break_if_planned(operation, made.id, state)
            return made.id, state

    def update(self, resource_id: str, urn: str, inputs: dict[str, Any]) -> Mapping[str, Any]:
        """Change a resource. Return its new state. Raises RefusedError, also if it does not exist."""
        operation = _operation(Action.UPDATE, urn)
        with self._lock:
            made = self._make(urn, inputs)
            if resource_id not in self.resources or made.id != resource_id:
                raise RefusedError(f"ResourceNotFound: the resource '{resource_id}' was not found")
            state = self._put(operation, resource_id, inputs, made.state)
            self._break_if_planned(Operation(Action.CREATE, operation.kind, operation.name), resource_id, state)
            return state

    def sync(self, site: str) -> bool:
        """Sync a site's triggers. Return True if its host was ready."""
        with self._lock:
            if self.unready_syncs:
                self.unready_syncs -= 1
                return False
            if site in self.code:
                self.listed.add(site)
            return site in self.code

    def lists(self, site: str) -> bool:
        """Return True if the site lists its functions."""
        return site in self.listed

    def build(self, source: str) -> str | None:
        """Build an image. Return the log of a failure."""
        with self._lock:
            if self.storage.sources(source) is None:
                return "unable to find the sources"
            if self.build_logs:
                return self.build_logs.pop(0)
            self.builds.append(source)
            return None

    def delete(self, resource_id: str) -> None:
        """Remove a resource, if it exists. Raises RefusedError while another one needs it."""
        with self._lock:
            held = self.resources.get(resource_id)
            if held is None:
                return
            operation = Operation(Action.DELETE, held.kind, held.name)
            self._refuse_if_requested(operation)
            for other_id, other in self.resources.items():
                if resource_id in _needed(other_id, other.inputs) or resource_id in _texts(other.inputs):
                    raise RefusedError(f"Conflict: '{resource_id}' cannot be deleted before '{other_id}'")
            del self.resources[resource_id]
            self.code.pop(resource_id, None)
            self.listed.discard(resource_id)
            self.journal.append(operation)

    def _make(self, urn: str, inputs: dict[str, Any]) -> Made:
        token, name = _token_and_name(urn)
        # Inputs name all resources except the directory's objects, whose ids are invented.
        return make(token, urn if token.startswith("azuread:") else name, inputs, self.tenant_id, self.storage)

    def _put(
        self, operation: Operation, resource_id: str, inputs: dict[str, Any], state: dict[str, Any]
    ) -> Mapping[str, Any]:
        self._refuse_if_requested(operation)
        for needed in _needed(resource_id, inputs):
            if needed not in self.resources:
                raise RefusedError(f"ResourceNotFound: '{resource_id}' needs '{needed}', which was not found")
        for site in _sites_of_functions(inputs):
            if site not in self.listed:
                raise RefusedError("Destination endpoint not found. Resource details for endpoint should pre-exist")
        match operation.kind:
            case "storage:BlobContainer":
                self.storage.make_container(inputs["accountName"], inputs["containerName"])
            case "resources:Deployment":
                self._one_deploy(resource_id, inputs["properties"]["parameters"])
        self.resources[resource_id] = Held(operation.kind, operation.name, inputs, state)
        self.journal.append(operation)
        return state

    def _one_deploy(self, deployment_id: str, parameters: Mapping[str, Any]) -> None:
        package = self.storage.fetch(parameters["packageUri"]["value"])
        if package is None:
            raise RefusedError("BadRequest: the package could not be read")
        group = _GROUP.match(deployment_id)
        assert group
        site = f"{group[0]}/providers/Microsoft.Web/sites/{parameters['app']['value']}"
        self.code[site] = package
        self.listed.discard(site)

    def _refuse_if_requested(self, operation: Operation) -> None:
        for refusal in self._refusals:
            if refusal.operation == operation and refusal.left > 0:
                refusal.left -= 1
                self.refused.append(operation)
                raise RefusedError(refusal.message)

    def _break_if_planned(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        for planned in self._breaks:
            if planned.operation == operation and planned.left > 0:
                planned.left -= 1
                self.refused.append(operation)
                raise BrokenError(planned.message, resource_id, state)

    def snapshot(self) -> "Snapshot":
        return Snapshot(dict(self.resources), dict(self.code), frozenset(self.listed))

    def restore(self, snapshot: "Snapshot") -> None:
        """Restore the snapshot's resources, without operations and refusals."""
        self.resources, self.code = dict(snapshot.resources), dict(snapshot.code)
        self.listed = set(snapshot.listed)
        self.unready_syncs = 0
        for records in (self.journal, self.refused, self.builds, self.build_logs, self._refusals, self._breaks):
            records.clear()


@dataclass(frozen=True)
class Snapshot:
    """The resources at a time."""

    resources: Mapping[str, Held]
    code: Mapping[str, bytes]
    listed: frozenset[str] = frozenset()


def _token_and_name(urn: str) -> tuple[str, str]:
    """Return token and name of `urn:pulumi:stack::project::parent$token::name`."""
    _, _, types, name = urn.split("::", 3)
    return types.rsplit("$", 1)[-1], name


def _operation(action: Action, urn: str) -> Operation:
    token, name = _token_and_name(urn)
    return Operation(action, kind_of(token), name)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _needed(resource_id: str, inputs: Mapping[str, Any]) -> set[str]:
    """Return the ids of resources that must exist while this one does: its parent, and those its inputs name."""
    named = {text for text in _texts(inputs) if _GROUP.match(text)}
    needed = {match["site"] if (match := _FUNCTION.fullmatch(text)) else text for text in named}
    if not _GROUP.match(resource_id):
        return needed  # the directory's objects and groups have no parents
    parent = _without_last(resource_id)
    while parent.endswith("/default"):  # services that come with their account
        parent = _without_last(parent)
    if parent.split("/")[-2] == "providers":
        parent = _without_last(parent)
    return needed | {parent} if _GROUP.match(parent) else needed


def _without_last(path: str) -> str:
    """Return the id without the last type and name."""
    return path.rsplit("/", 2)[0]


def _sites_of_functions(inputs: Mapping[str, Any]) -> Iterator[str]:
    for text in _texts(inputs):
        if match := _FUNCTION.fullmatch(text):
            yield match["site"]
